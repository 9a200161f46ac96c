/** A line longer than the reader allows. The connection is of no use after it. */
export class LineTooLongError extends Error {
  override readonly name = 'LineTooLongError'
  readonly code = 'ERR_CONTROL_LINE_TOO_LONG'
  readonly maxBytes: number
  constructor(maxBytes: number) {
    super(`a line on a control socket has ${maxBytes} bytes at most`)
    this.maxBytes = maxBytes
  }
}

/** Cuts a byte stream into lines of at most `maxBytes`, whatever the pieces it comes in. */
export class LineReader {
  readonly #maxBytes: number
  #pieces: Uint8Array[] = []
  #pendingBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /**
   * The lines that `chunk` completes, without their line ends, empty ones left out.
   * @throws {LineTooLongError} also for a line that has no end yet
   */
  push(chunk: Uint8Array): string[] {
    const lines: string[] = []
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      this.#keep(chunk.subarray(from, end))
      const line = this.#take()
      if (line !== '') lines.push(line)
      from = end + 1
    }
    this.#keep(chunk.subarray(from))
    return lines
  }

  #keep(piece: Uint8Array): void {
    this.#pendingBytes += piece.length
    if (this.#pendingBytes > this.#maxBytes) throw new LineTooLongError(this.#maxBytes)
    if (piece.length > 0) this.#pieces.push(piece)
  }

  #take(): string {
    const line = Buffer.concat(this.#pieces).toString('utf8').trim()
    this.#pieces = []
    this.#pendingBytes = 0
    return line
  }
}
