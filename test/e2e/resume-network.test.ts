/** Costs about 40 s: five outages of 10 s at once, each in transfers of its own. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { BOTH_WELL, BothWays, type Shares } from './house/both-ways.ts'
import type { Client } from './house/client.ts'
import { sha256 } from './house/files.ts'
import { deafen, hearAgain, replug, unplug } from './house/network.ts'
import { type Room, whyNoRooms } from './house/room.ts'
import { type ConnectorHost, EDGES, Stage } from './house/stage.ts'
import { until } from './house/until.ts'

const skip = whyNoRooms() ?? false
const OUTAGE_MS = 10_000
/** Of a file: more than what may be on its way or in a program's buffers at the beginning. */
const MOVED = 0.05

interface Place {
  readonly client: Client
  readonly connector: ConnectorHost
  /** The address of the edge that carries the transfers. */
  readonly edge: string
}

/** `begin` breaks something, and gives back what mends it. */
interface Outage {
  readonly sentence: string
  readonly name: string
  readonly begin: (place: Place, stage: Stage) => () => void
  /** Whether the other edge is in reach, so that the flows go on during the outage. */
  readonly goesOn: boolean
}

const OUTAGES: readonly Outage[] = [
  {
    name: 'cgone',
    sentence: 'the network of the client goes away for 10 s and returns with another address',
    begin: ({ client }) => moveHouse(client, '10.81.1.220'),
    goesOn: false,
  },
  {
    name: 'kgone',
    sentence: 'the network of the connector goes away for 10 s and returns with another address',
    begin: ({ connector }) => moveHouse(connector, '10.81.1.221'),
    goesOn: false,
  },
  {
    name: 'cdeaf',
    sentence: 'the client hears nothing from the edge, which hears it',
    begin: ({ client, edge }) => muffle(client.room, edge, client.plug.address),
    goesOn: true,
  },
  {
    name: 'kdeaf',
    sentence: 'the connector hears nothing from the edge, which hears it',
    begin: ({ connector, edge }) => muffle(connector.room, edge, connector.plug.address),
    goesOn: true,
  },
  {
    name: 'edeaf',
    sentence: 'the edge hears nothing from the client, which hears it',
    begin: ({ client, edge }, stage) => muffle(stage.edgeRoom, client.plug.address, edge),
    goesOn: true,
  },
]

describe('transfers outlive the network under them', { skip, concurrency: OUTAGES.length }, () => {
  let stage: Stage
  before(async () => {
    stage = new Stage('rsn')
    await Promise.all([stage.startServices(), stage.startEdge('one')])
    await stage.startEdge('two')
  })
  after(() => stage?.close())

  for (const outage of OUTAGES) {
    test(outage.sentence, async () => {
      const { name } = outage
      const connector = await stage.addConnector(name, BothWays.appsOf(name))
      const client = stage.addClient()
      const transfers = new BothWays(stage, name)
      const ended = transfers.start(client)
      await untilMiddle(transfers)
      const place = { client, connector, edge: await busiest(client) }
      const before = transfers.received()
      for (const [which, share] of Object.entries(before))
        assert.ok(share > 0.3 && share < 0.7, `${which} was at ${share}`)

      const mend = outage.begin(place, stage)
      const mended = sleep(OUTAGE_MS).then(mend)
      if (outage.goesOn) await untilFurther(transfers, before)
      await mended
      assert.equal(await ended, BOTH_WELL)
      const wanted = await sha256(transfers.file)
      assert.equal(await sha256(transfers.gotten), wanted)
      assert.equal(await sha256(transfers.brought), wanted)
    })
  }
})

function untilMiddle(transfers: BothWays): Promise<void> {
  const isMiddle = () => Math.min(...Object.values(transfers.received())) > 0.32
  return until(isMiddle, {
    what: 'both transfers are at 32 %',
    withinMs: 60_000,
    failed: () => JSON.stringify(transfers.received()),
  })
}

/** Both go on by the other edge, while the outage lasts. */
async function untilFurther(transfers: BothWays, before: Shares): Promise<void> {
  const startedAt = performance.now()
  await until(
    () => {
      const { down, up } = transfers.received()
      return down > before.down + MOVED && up > before.up + MOVED
    },
    {
      what: `both are further than ${JSON.stringify(before)}`,
      withinMs: OUTAGE_MS,
      failed: () => JSON.stringify(transfers.received()),
    },
  )
  console.log(`went on after ${(performance.now() - startedAt).toFixed(0)} ms`)
}

function moveHouse({ room, plug }: Client | ConnectorHost, address: string): () => void {
  unplug(room, plug)
  return () => replug(room, { ...plug, address })
}

function muffle(room: Room, from: string, to: string): () => void {
  deafen(room, from, to)
  return () => hearAgain(room)
}

/** The address of the edge that has sent this client most. */
async function busiest({ room }: Client): Promise<string> {
  const { stdout } = await room.run(['ss', '-Htin', 'state', 'established', 'dport', '=', ':8443'])
  const seen = Object.values(EDGES).map((address) => {
    const [, rest = ''] = stdout.split(`${address}:8443`)
    return { address, bytes: Number(/bytes_received:(\d+)/.exec(rest)?.[1] ?? 0) }
  })
  const [first] = seen.toSorted((a, b) => b.bytes - a.bytes)
  assert.ok(first && first.bytes > 0, stdout)
  return first.address
}
