import { describe, expect, test } from 'bun:test'
import { isAppError } from '../../src/errors.ts'
import { assertAddressAllowed, isAddressAllowed, isPublicAddress } from '../../src/net/address-guard.ts'

const closed = { allowLoopback: false, allowNetworks: [] }

const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '100.63.255.255',
  '172.15.0.1',
  '172.32.0.1',
  '2606:4700::1111',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
]

const INTERNAL = [
  ...[
    '127.0.0.1',
    '127.8.8.8',
    '::1',
    '0.0.0.0',
    '0.1.2.3',
    '::',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
  ],
  ...[
    '169.254.169.254',
    '169.254.0.1',
    '100.64.0.1',
    '100.100.100.200',
    '168.63.129.16',
    '198.18.0.1',
    '192.0.2.1',
    '224.0.0.1',
  ],
  ...[
    '240.0.0.1',
    '255.255.255.255',
    'fe80::1',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    'fec0::1',
    '2001:db8::1',
    '100::1',
  ],
  // Other spellings of IPv4 addresses: mapped, compatible, NAT64, 6to4, Teredo, SIIT.
  ...[
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '::ffff:a9fe:a9fe',
    '::127.0.0.1',
    '64:ff9b::10.0.0.1',
    '64:ff9b::a9fe:a9fe',
  ],
  ...['2002:7f00:1::1', '2001:0:1::1', '::ffff:0:127.0.0.1', '64:ff9b:1::1'],
]

describe('the address guard', () => {
  test.each(PUBLIC)('allows the public address %s', (address) => {
    expect(isAddressAllowed(address, closed)).toBe(true)
    expect(isPublicAddress(address)).toBe(true)
  })

  test.each(INTERNAL)('refuses %s when nothing is allowed', (address) => {
    expect(isAddressAllowed(address, closed)).toBe(false)
    expect(isPublicAddress(address)).toBe(false)
  })

  test.each(['', 'localhost', '1.2.3', '127.1', '0177.0.0.1', '1.2.3.4.5', 'fe80::1%eth0', '2606:4700::1111::'])(
    'refuses %j, which is no address or is local',
    (text) => {
      expect(isAddressAllowed(text, closed)).toBe(false)
    },
  )

  test('allows loopback, and nothing else internal, when the server listens on loopback only', () => {
    const policy = { allowLoopback: true, allowNetworks: [] }
    expect(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'].map((a) => isAddressAllowed(a, policy))).toEqual([
      true,
      true,
      true,
      true,
    ])
    expect(['10.0.0.1', '169.254.169.254', '0.0.0.0', '::'].map((a) => isAddressAllowed(a, policy))).toEqual([
      false,
      false,
      false,
      false,
    ])
  })

  test("allows what lies inside the operator's networks, in whatever spelling it comes", () => {
    const policy = { allowLoopback: false, allowNetworks: ['10.1.0.0/16', '192.168.7.9', 'fd12::/32'] }
    for (const inside of ['10.1.0.1', '10.1.255.255', '::ffff:10.1.2.3', '192.168.7.9', 'fd12::5']) {
      expect(isAddressAllowed(inside, policy)).toBe(true)
    }
    for (const outside of ['10.2.0.1', '192.168.7.10', 'fd13::5', '127.0.0.1']) {
      expect(isAddressAllowed(outside, policy)).toBe(false)
    }
  })

  test('a refusal names host, address and the setting that allows it', () => {
    let error: unknown
    try {
      assertAddressAllowed('registry.corp', '10.0.0.5', closed)
    } catch (thrown) {
      error = thrown
    }
    expect(isAppError(error, 'ADDRESS_NOT_ALLOWED')).toBe(true)
    expect(String(error)).toMatch(/registry\.corp.*10\.0\.0\.5.*private.*KAGAMI_ALLOW_NETWORKS/)
  })
})
