import { describe, expect, test } from 'bun:test'
import { isAppError } from '../../src/errors.ts'
import { createSlots } from '../../src/net/slots.ts'

describe('slots', () => {
  test('bulk work leaves places for small work', async () => {
    const slots = createSlots({ total: 3, bulk: 2 })
    await slots.acquire('bulk')
    await slots.acquire('bulk')
    let third = false
    const waiting = slots.acquire('bulk').then((release) => {
      third = true
      return release
    })
    const releaseSmall = await slots.acquire('small')
    expect([slots.inUse, third]).toEqual([3, false])
    releaseSmall()
    await Promise.resolve()
    expect([slots.inUse, third]).toEqual([2, false])
    void waiting
  })

  test('places go out in the order of asking, and giving one back twice counts once', async () => {
    const slots = createSlots({ total: 1, bulk: 1 })
    const first = await slots.acquire('small')
    const order: string[] = []
    const later = ['a', 'b', 'c'].map(async (name) => {
      const release = await slots.acquire('small')
      order.push(name)
      release()
      release()
    })
    first()
    first()
    await Promise.all(later)
    expect(order).toEqual(['a', 'b', 'c'])
    expect(slots.inUse).toBe(0)
  })

  test('whoever stops waiting is skipped', async () => {
    const slots = createSlots({ total: 1, bulk: 1 })
    const release = await slots.acquire('small')
    const stop = new AbortController()
    const given = slots.acquire('small', stop.signal).catch((error: unknown) => error)
    const next = slots.acquire('small')
    stop.abort()
    expect(isAppError(await given, 'CANCELLED')).toBe(true)
    release()
    const releaseNext = await next
    expect(slots.inUse).toBe(1)
    releaseNext()
    expect(slots.inUse).toBe(0)
  })
})
