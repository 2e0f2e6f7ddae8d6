import { describe, expect, test } from 'bun:test'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import {
  accountKey,
  nameAtRegistry,
  nameUnderPrefix,
  parseUpstreamUrl,
  resolveCredential,
} from '../../src/remote/upstream.ts'

describe('upstream addresses', () => {
  test.each([
    ['https://registry.test', 'python', 'https://registry.test', 'python'],
    ['https://registry.test/', 'team/app', 'https://registry.test', 'team/app'],
    ['registry.test:5000', 'app', 'https://registry.test:5000', 'app'],
    ['http://127.0.0.1:5081/dhi', 'python', 'http://127.0.0.1:5081', 'dhi/python'],
    ['http://127.0.0.1:5081/a/b/', 'c/d', 'http://127.0.0.1:5081', 'a/b/c/d'],
    ['docker.io', 'python', 'https://registry-1.docker.io', 'library/python'],
    ['https://index.docker.io', 'bitnami/redis', 'https://registry-1.docker.io', 'bitnami/redis'],
    ['https://docker.io/bitnami', 'redis', 'https://registry-1.docker.io', 'bitnami/redis'],
    ['https://registry.test', 'nginx', 'https://registry.test', 'nginx'],
  ])('%s with %s asks %s for %s', (url, repository, origin, name) => {
    const address = parseUpstreamUrl(url)
    expect([address.base.origin, String(nameAtRegistry(address, parseRepositoryName(repository)))]).toEqual([
      origin,
      name,
    ])
  })

  test('names outside the prefix belong to nobody here', () => {
    const address = parseUpstreamUrl('https://registry.test/dhi')
    expect(
      ['dhi/python', 'dhi/a/b', 'dhi', 'dhix/python', 'other/python'].map(
        (name) => nameUnderPrefix(address, name) as string | undefined,
      ),
    ).toEqual(['python', 'a/b', undefined, undefined, undefined])
  })

  test.each([
    'ftp://registry.test',
    'https://',
    'https://u:p@registry.test',
    'https://registry.test/?a=b',
    'https://registry.test/#x',
    'https://registry.test/UPPER',
    'https://registry.test/a//b',
  ])('refuses %s', (url) => {
    expect(() => parseUpstreamUrl(url)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }))
  })

  test('a refusal does not repeat the credentials in the URL', () => {
    expect(() => parseUpstreamUrl('https://me:hunter2@registry.test')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    )
  })

  test('the account key tells accounts apart without telling the password', async () => {
    const address = parseUpstreamUrl('https://registry.test')
    const key = async (username?: string, password?: string) =>
      accountKey(
        address,
        await resolveCredential({
          url: '',
          ...(username && { username }),
          ...(password && { password: () => password }),
        }),
      )
    const keys = [await key(), await key('me', 'hunter2'), await key('me', 'other'), await key('you', 'hunter2')]
    expect(new Set(keys).size).toBe(4)
    expect(keys.join()).not.toContain('hunter2')
    expect(await key('me', 'hunter2')).toBe(keys[1] ?? '')
  })
})
