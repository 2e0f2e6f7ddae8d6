import { describe, expect, test } from 'bun:test'
import { hashToken, isTokenText, makeTokenText } from '../../src/access/token-text.ts'
import { createToken, parseTokenExpiry } from '../../src/access/tokens.ts'
import { listTokens, removeToken } from '../../src/db/people/tokens.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { openAccessInstance } from './access-instance.ts'

describe('the text of a token', () => {
  test('has a prefix that scanners can look for, and a checksum that every change of one character breaks', () => {
    const text = makeTokenText('kgm_pat_')
    expect(text).toMatch(/^kgm_pat_[0-9A-Za-z]{42}$/)
    expect(isTokenText('kgm_pat_', text)).toBe(true)
    expect(isTokenText('kgm_ref_', text)).toBe(false)
    for (let place = 8; place < text.length; place++) {
      const other = text[place] === 'a' ? 'b' : 'a'
      expect(isTokenText('kgm_pat_', text.slice(0, place) + other + text.slice(place + 1))).toBe(false)
    }
    for (const wrong of ['', 'kgm_pat_', text.slice(0, -1), `${text}0`, text.toUpperCase()])
      expect(isTokenText('kgm_pat_', wrong)).toBe(false)
  })

  test('is new each time', () => {
    expect(new Set(Array.from({ length: 1000 }, () => makeTokenText('kgm_pat_'))).size).toBe(1000)
  })
})

describe('expiry', () => {
  const now = new Date('2026-11-24T00:00:00Z')

  test('is a number of days, or never', () => {
    expect(parseTokenExpiry('90d', now)).toBe('2027-02-22T00:00:00.000Z')
    expect(parseTokenExpiry('1d', now)).toBe('2026-11-25T00:00:00.000Z')
    expect(parseTokenExpiry('never', now)).toBeNull()
  })

  test.each(['', '0d', '-1d', '1', '1.5d', '90 d', '90D', '10000d', 'Never', '1e3d'])('%j is refused', (text) => {
    expect(() => parseTokenExpiry(text, now)).toThrow(/want a number of days .* or never, got/)
  })
})

describeOnEachEngine('personal access tokens', (openFresh) => {
  test('only the hash is stored, and the text is returned once, as a secret', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await on.user('ann')
    const { row, text } = await createToken(on.db, on.clock, {
      userId: ann.id,
      label: ' ci ',
      scope: 'write',
      expires: '90d',
    })
    expect(JSON.stringify({ row, text })).not.toContain(text.reveal())
    const [stored, ...rest] = await listTokens(on.db.read, ann.id, { limit: 10 })
    expect(rest).toEqual([])
    expect(stored).toEqual({ ...row, label: 'ci', hash: hashToken(text.reveal()), last_used_at: null })
  })

  test('are listed page by page, and revoked by their owner alone', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await on.user('ann')
    const eve = await on.user('eve')
    const made = await Promise.all(Array.from({ length: 5 }, () => on.token(ann.id, 'read')))
    const first = await listTokens(on.db.read, ann.id, { limit: 3 })
    const second = await listTokens(on.db.read, ann.id, { limit: 3, after: first[2]?.id })
    expect([...first, ...second].map(({ id }) => id)).toEqual(made.map(({ id }) => id).sort())
    const [one] = made
    const id = one?.id ?? ''
    expect(await on.db.write((tx) => removeToken(tx, eve.id, id))).toBe(false)
    expect(await on.db.write((tx) => removeToken(tx, ann.id, id))).toBe(true)
    expect(await on.db.write((tx) => removeToken(tx, ann.id, id))).toBe(false)
    expect((await listTokens(on.db.read, ann.id, { limit: 9 })).length).toBe(4)
  })

  test.each(['', '   ', 'x'.repeat(101)])('the label %j is refused', async (label) => {
    const on = await openAccessInstance(await openFresh())
    const failing = createToken(on.db, on.clock, { userId: 'u', label, scope: 'read', expires: 'never' })
    await expect(failing).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })
})
