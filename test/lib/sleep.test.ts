// What waits for longer than a timer of JavaScript can be set for waits all the same.
import { expect, test } from 'bun:test'
import { isAppError } from '../../src/errors.ts'
import { systemSleep } from '../../src/lib/retry.ts'

test.each([2 ** 31 - 1, 2 ** 31, 2 ** 31 + 5, 10 * 2 ** 31, Number.MAX_SAFE_INTEGER])(
  '%d ms are not over at once',
  async (ms) => {
    const end = new AbortController()
    const outcome = systemSleep(ms, end.signal).then(
      () => 'over',
      (error) => isAppError(error, 'CANCELLED'),
    )
    await Bun.sleep(60)
    end.abort()
    expect(await outcome).toBe(true)
  },
)
