/**
 * A hostile peer with a thread of its own: it proves who it is, then writes what it was given, over and
 * over, and comes back whenever it is thrown out, until it is told to stop.
 */
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { WebSocket } from 'ws'
import { importKey, type PrivateJwk } from '../../../identity/key.ts'
import { signProof } from '../../../identity/proof.ts'
import { connectSocket } from '../../../tunnel/link/connect.ts'
import { Masks } from '../../../tunnel/link/masks.ts'
import { WebSocketLink } from '../../../tunnel/link/web-socket-link.ts'
import { SUBPROTOCOL, systemClock } from '../../../tunnel/link.ts'
import { type Credential, dialHandshake } from '../../../tunnel/messages/handshake.ts'
import type { LinkClosed } from '../../../tunnel/port.ts'
import type { Target } from '../../edge/house/peer.ts'

export interface Orders {
  readonly target: Target
  readonly role: 'client' | 'connector'
  readonly credential: Credential
  readonly jwk: PrivateJwk
  /** WebSocket frames that each of its tunnels begins with, each with its own of these. */
  readonly firsts?: readonly Uint8Array[]
  /** WebSocket frames, written again and again. */
  readonly flood: Uint8Array
  /** Left out: for ever. */
  readonly times?: number
  /** A peer that does not read what it is sent. */
  readonly isDeaf?: boolean
  readonly tunnels?: number
}

export interface Report {
  /** How each of its tunnels ended. */
  readonly closed: readonly LinkClosed[]
  /** Written to the kernel. */
  readonly sentBytes: number
  /** Handshakes that were refused. */
  readonly refused: readonly string[]
}

/** What it tells: that a tunnel was let in and begins, and at the end how it was. */
export type Told = 'begun' | Report

const tell = (told: Told): void => parentPort?.postMessage(told)

const orders = workerData as Orders
const closed: LinkClosed[] = []
const refused: string[] = []
let sentBytes = 0
let isOver = false
const sockets = new Set<Socket>()

parentPort?.once('message', () => {
  isOver = true
  for (const socket of sockets) socket.destroy()
  const report: Report = { closed, sentBytes, refused }
  tell(report)
  parentPort?.close()
})
for (let i = 0; i < (orders.tunnels ?? 1); i++) void attackOverAndOver(orders.firsts?.[i])

async function attackOverAndOver(first: Uint8Array | undefined): Promise<void> {
  while (!isOver) {
    try {
      await attackOnce(first)
    } catch (error) {
      refused.push(error instanceof Error ? error.message : String(error))
      await sleep(20)
    }
  }
}

async function attackOnce(first: Uint8Array | undefined): Promise<void> {
  const { target, role, credential, jwk, isDeaf = false } = orders
  const signal = AbortSignal.timeout(10_000)
  const url = new URL(`${target.url}/tunnel`.replace(/^http/, 'ws'))
  const keyAgreements = 'X25519'
  const { socket } = await connectSocket({ url, ca: target.caPem, keyAgreements }, signal)
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
  const link = await openLink(url, socket)
  const key = importKey(jwk)
  const sign = (transcript: Uint8Array) => signProof(key, transcript)
  const { deployment } = target
  const asked = { role, version: 'x', deployment, credential, facts: { os: 'x' }, sign }
  const instance = role === 'connector' ? { instance: 'evil.1' } : {}
  await dialHandshake(link, { ...asked, ...instance }, systemClock)
  const ended = Promise.withResolvers<LinkClosed>()
  link.onClosed = ended.resolve
  if (!isDeaf) link.onMessage = () => undefined
  else socket.pause()
  if (first) socket.write(first)
  tell('begun')
  await flood(socket)
  closed.push(await ended.promise)
}

async function openLink(url: URL, socket: Socket): Promise<WebSocketLink> {
  const masks = new Masks()
  const ws = new WebSocket(url, SUBPROTOCOL, {
    perMessageDeflate: false,
    createConnection: () => socket,
    generateMask: masks.next,
  })
  await new Promise((resolve, reject) => ws.once('open', resolve).once('error', reject))
  return new WebSocketLink(ws, socket, { masks })
}

/** A write that a closed socket never confirms is over with it. */
async function flood(socket: Socket): Promise<void> {
  const { flood: bytes, times = Number.POSITIVE_INFINITY } = orders
  let settle: () => void = () => undefined
  socket.once('close', () => settle())
  for (let i = 0; i < times && !socket.destroyed && !isOver; i++) {
    await new Promise<void>((resolve) => {
      settle = resolve
      socket.write(bytes, () => resolve())
    })
    if (!socket.destroyed) sentBytes += bytes.length
  }
}
