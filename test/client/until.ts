/** Polls until it is so; fails after fifteen seconds. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let at = 0; at < 1500; at++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('waited in vain')
}
