import type { LinkClosed } from '../../tunnel/port.ts'

/** What must be undone when a tunnel closes, which may be before it was ever begun. */
export class Stay {
  readonly #closed: (why: LinkClosed) => void
  readonly #undo: (() => void)[] = []
  isOver = false

  constructor(closed: (why: LinkClosed) => void) {
    this.#closed = closed
  }

  until(undo: () => void): void {
    if (this.isOver) undo()
    else this.#undo.push(undo)
  }

  readonly end = (why: LinkClosed): void => {
    this.isOver = true
    for (const undo of this.#undo.splice(0)) undo()
    this.#closed(why)
  }
}
