// What strangers begin is bounded for each network, and in all whatever networks they come from.
import { expect, test } from 'bun:test'
import { insertDevice } from '../../src/db/people/device-authorizations.ts'
import { describeOnEachEngine } from '../support/engines.ts'

describeOnEachEngine('devices that wait', (openFresh) => {
  test('are so many of a network, so many in all, and forgotten when they are over', async () => {
    const db = await openFresh()
    let number = 0
    const begin = (network: string, at = '2026-01-01T00:00:00.000Z') => {
      const hashes = { device_hash: `d${++number}`, user_hash: `u${number}` }
      const texts = {
        name: 'laptop',
        address: network,
        network,
        status: 'pending' as const,
        ends_at: '2026-01-01T00:10:00.000Z',
      }
      const nobody = { user_id: null, credential: null, interval_seconds: 5, polled_at: null, created_at: at }
      const row = { ...hashes, ...texts, ...nobody }
      return db
        .write((tx) => insertDevice(tx, row, { most: { ofNetwork: 2, inAll: 3 } }))
        .then(
          () => 'waits',
          ({ code, message }) => `${code}: ${message}`,
        )
    }
    expect([await begin('a'), await begin('a')]).toEqual(['waits', 'waits'])
    expect(await begin('a')).toStartWith('TOOMANYREQUESTS: 2 devices of your network')
    expect(await begin('b')).toBe('waits')
    expect(await begin('c')).toStartWith('TOOMANYREQUESTS: 3 devices are under way')
    expect(await begin('a', '2026-01-01T00:10:00.000Z')).toBe('waits')
  })
})
