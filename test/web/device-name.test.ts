// What a session is called, by what its browser says of itself.
import { expect, test } from 'bun:test'
import { deviceOf } from '../../src/web/profile/device-name.ts'

test('browsers and clients are called by the names that people know; nonsense by none', () => {
  const named = [
    'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0',
    'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
    'docker/28.0.0 go/go1.24 kernel/6.12 os/linux arch/amd64',
    'curl/8.14.1',
  ].map((userAgent) => Object.values(deviceOf(userAgent)).join(' on '))
  expect(named).toEqual([
    'Firefox on Linux',
    'Edge on Windows',
    'Chrome on Android',
    'Safari on iOS',
    'docker on Linux',
    '',
  ])
  expect(deviceOf(null)).toEqual({})
})
