/** Polls until it is so; fails after five seconds. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let at = 0; at < 500; at++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('waited in vain')
}
