import type { TestContext } from 'node:test'
import { signProof } from '../../../identity/proof.ts'
import type { FlowEnd } from '../../../tunnel/flow.ts'
import { Decoder } from '../../../tunnel/frames/decoder.ts'
import { TYPE } from '../../../tunnel/frames/frame.ts'
import { readCode } from '../../../tunnel/frames/read.ts'
import { type Resume, resumeFrame } from '../../../tunnel/frames/resume.ts'
import { dialLink, type Link, systemClock } from '../../../tunnel/link.ts'
import { dialHandshake } from '../../../tunnel/messages/handshake.ts'
import { writeContext } from '../../../tunnel/messages/open-context.ts'
import type { LinkClosed } from '../../../tunnel/port.ts'
import { app, type Device, startHouse } from '../../edge/house/house.ts'
import { clientFlows, connectorFlows } from '../../edge/house/outliving.ts'
import type { Target } from '../../edge/house/peer.ts'

export type Answer = FlowEnd | 'resumed'

/** A client with a session of its own that asks for any flow it likes, and says no more. */
export class Asker {
  readonly #link: Link
  readonly #answers = new Map<number, (answer: Answer) => void>()
  readonly closed: Promise<LinkClosed>
  #streams = 0

  static async dial(t: TestContext, target: Target, { credential, key }: Device): Promise<Asker> {
    const link = await dialLink({ url: `${target.url}/tunnel`, ca: target.caPem })
    const sign = (transcript: Uint8Array) => signProof(key, transcript)
    const asked = { role: 'client', version: 'test', credential, facts: {}, sign } as const
    await dialHandshake(link, asked, systemClock)
    t.after(() => link.terminate())
    return new Asker(link)
  }

  private constructor(link: Link) {
    this.#link = link
    const decoder = new Decoder((type, stream, bytes, start, end) => {
      if (type === TYPE.RESET) this.#answers.get(stream)?.(readCode(bytes, start, end))
      if (type === TYPE.RESUMED) this.#answers.get(stream)?.('resumed')
    })
    link.onMessage = (message) => decoder.push(message)
    this.closed = new Promise((resolve) => {
      link.onClosed = resolve
    })
  }

  hangUp(): void {
    this.#link.terminate()
  }

  /** Gives the edge's answer, or the connector's. */
  resume(asked: Pick<Resume, 'flowId' | 'instance'> & Partial<Resume>): Promise<Answer> {
    const stream = ++this.#streams
    const context = writeContext({ onRamp: 'run' })
    const usual = { name: 'wiki.corp.internal', port: 80, protocol: 'tcp' } as const
    const offsets = { received: 0, hasFin: false, limit: 65_536 }
    this.#link.send(resumeFrame(stream, { attempt: 2, ...usual, ...offsets, context, ...asked }))
    return new Promise((resolve) => this.#answers.set(stream, resolve))
  }
}

/** A house in which alice has a flow that outlives its tunnel, and mallory a session as good as hers. */
export async function besieged(t: TestContext) {
  const policy = `version: 1
allow:
  all-read: { who: "*@example.com", to: "domain:corp.internal", ports: [80, 443] }
`
  const house = await startHouse(t, { policy })
  const site = house.site('hq', 'domain:corp.internal')
  const hq = await site.dial({ flows: connectorFlows() })
  hq.announce(app('wiki.corp.internal', 80, 443), app('db.corp.internal', 80))
  const flows = clientFlows()
  const device = house.person('alice@example.com')
  const alice = await device.dial({ flows })
  await alice.knows('wiki.corp.internal')
  const probe = await alice.open('wiki.corp.internal').answered()
  probe.say('mine')
  await probe.hears('mine')
  const instance = `${site.connectorId}.1`
  const { flowId } = probe
  const mallory = await Asker.dial(t, house.target, house.person('mallory@example.com'))
  /** Alice's own device, in other hands than her client's. */
  const alicesOther = () => Asker.dial(t, house.target, device)
  /** The flow is still alice's, and whole. */
  const assertUnharmed = async () => {
    flows.resumeOn((await device.dial({ flows })).endpoint)
    probe.say(' still')
    await probe.hears('mine still')
  }
  return {
    house,
    site,
    hq,
    alice,
    device,
    probe,
    flows,
    flowId,
    instance,
    mallory,
    alicesOther,
    assertUnharmed,
  }
}
