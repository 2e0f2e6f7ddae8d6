import { describe, expect, test } from 'bun:test'
import { isHost, publicUrl, tokenRealm } from '../../src/http/public-url.ts'

const ask = (host?: string) => new Request('http://127.0.0.1:5080/v2/', host === undefined ? {} : { headers: { host } })

describe('the public address', () => {
  test('is the operator’s when set, whatever the Host says', () => {
    expect(publicUrl(ask('evil.example'), 'https://registry.example.com')).toBe('https://registry.example.com')
    expect(tokenRealm(ask(), 'https://registry.example.com')).toBe('https://registry.example.com/token')
  })

  test('else follows the Host, so that each name that reaches us gets a realm that reaches us too', () => {
    expect(tokenRealm(ask('localhost:5080'), undefined)).toBe('http://localhost:5080/token')
    expect(tokenRealm(ask('[::1]:5080'), undefined)).toBe('http://[::1]:5080/token')
    expect(publicUrl(ask('registry.example.com'), undefined)).toBe('http://registry.example.com')
  })

  test.each([
    '',
    'a b',
    'a/b',
    'a"b',
    'a,b',
    'user@host',
    'a:0',
    'a:65536',
    'a:b',
    'a:1:2',
    '::1',
    '[::1',
    '[zz]:1',
    '-a',
    '.a',
    'a..b',
    'a?b',
    'a#b',
    'ä',
    'x'.repeat(300),
  ])('the Host %j is refused', (host) => {
    expect(isHost(host)).toBe(false)
  })

  test('a Host that is none, or none at all, is INVALID_REQUEST', () => {
    expect(() => publicUrl(ask('a"b'), undefined)).toThrow('the Host header must name a host')
    expect(() => publicUrl(ask(), undefined)).toThrow('got none')
  })
})
