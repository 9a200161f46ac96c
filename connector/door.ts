import type { Socket } from 'node:net'
import { findHostname } from '../names/hostname.ts'
import type { Log } from '../process/log.ts'
import type { ResetCode } from '../tunnel/codes.ts'
import type { IncomingOpen } from '../tunnel/endpoint.ts'
import type { Flow } from '../tunnel/flow.ts'
import { pipeSocket } from '../tunnel/pipe.ts'
import type { App, Apps } from './app.ts'
import { Cancel } from './cancel.ts'
import type { Dialled, Dialler } from './dial.ts'

export interface DoorOptions {
  readonly dialler: Pick<Dialler, 'dial'>
  /** The instance that OPENED names: this connector's id and a random part per process start. */
  readonly instance: string
  readonly log: Log
}

/**
 * Where flows come in. The edge has judged them; this end looks again whether it publishes that name
 * and port, dials what the app's owner wrote, and joins the two.
 */
export class Door {
  readonly #options: DoorOptions
  readonly #live = new Map<Flow, { readonly app: App; readonly socket: Socket }>()
  #apps: Apps

  constructor(apps: Apps, options: DoorOptions) {
    this.#apps = apps
    this.#options = options
  }

  get apps(): Apps {
    return this.#apps
  }

  get flowCount(): number {
    return this.#live.size
  }

  /** Publishes something else from now on; flows to what is no longer published are reset. */
  replace(apps: Apps): void {
    this.#apps = apps
    for (const [flow, { app, socket }] of this.#live) {
      if (this.#isPublished(app)) continue
      flow.reset('not-published', 'the connector does not publish it any more')
      socket.resetAndDestroy()
    }
  }

  async take(open: IncomingOpen): Promise<void> {
    const name = findHostname(open.name)
    const app = name === open.name ? this.#apps.find(name, open.port) : undefined
    if (open.protocol !== 'tcp') return open.refuse('unsupported', 'only TCP is carried yet')
    if (!name || !app) return this.#refuseUnannounced(open)
    const apps = this.#apps
    const givenUp = new Cancel()
    open.onCancelled = () => givenUp.abort()
    const dialled = await this.#options.dialler.dial({ app, name, port: open.port }, givenUp)
    if (givenUp.aborted) discard(dialled)
    else if (apps !== this.#apps && !this.#isPublished(app)) {
      // Taken out while it was dialled: `replace` knew nothing of this flow yet.
      discard(dialled)
      this.#refuseUnannounced(open)
    } else if (dialled.kind === 'failed') this.#refuse(open, dialled)
    else this.#join(open, app, dialled)
  }

  #isPublished(app: App): boolean {
    return this.#apps.all.some((one) => isSame(one, app))
  }

  #join(open: IncomingOpen, app: App, dialled: Extract<Dialled, { kind: 'connected' }>): void {
    const { socket, resolveMicros, connectMicros } = dialled
    const { instance, log } = this.#options
    const flow = pipeSocket(
      socket,
      (handlers) => open.accept({ instance, resolveMicros, connectMicros }, handlers),
      { brokenAs: 'origin-reset' },
    )
    this.#hold(flow, app, socket)
    log.debug({ event: 'flow', ...factsOf(open), origin: dialled.address }, 'a flow is joined')
  }

  /** Apart from `#join`: what listens there would keep the OPEN as long as the flow. */
  #hold(flow: Flow, app: App, socket: Socket): void {
    this.#live.set(flow, { app, socket })
    socket.once('close', () => this.#live.delete(flow))
  }

  #refuse(open: IncomingOpen, failed: Extract<Dialled, { kind: 'failed' }>): void {
    const { code, reason, detail } = failed
    const event = code === 'origin-forbidden' ? 'origin-forbidden' : 'origin-failed'
    const level = code === 'origin-forbidden' ? 'warn' : 'info'
    this.#options.log[level]({ event, ...factsOf(open), code, detail }, reason)
    open.refuse(code, reason)
  }

  /** An honest edge does not ask for this: worth a line in the admin's log. */
  #refuseUnannounced(open: IncomingOpen): void {
    const code: ResetCode = 'not-published'
    const sentence = 'the edge asked for something that this connector does not publish'
    this.#options.log.warn({ event: 'unannounced', ...factsOf(open), code }, sentence)
    open.refuse(code, 'this connector does not publish it')
  }
}

const factsOf = ({ flowId, name, port }: IncomingOpen) => ({ flowId, host: name, port })

function discard(dialled: Dialled): void {
  if (dialled.kind === 'connected') dialled.socket.destroy()
}

/** Whether flows of the one app may go on under the other: where they go is the same. */
function isSame(a: App, b: App): boolean {
  return JSON.stringify([a.pattern, a.to, a.ports]) === JSON.stringify([b.pattern, b.to, b.ports])
}
