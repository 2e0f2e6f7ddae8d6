import { expect, test } from 'bun:test'
import { rememberLookups } from '../../src/net/dial.ts'

test('a name is looked up once for many requests, a failure is not remembered', async () => {
  const asked: string[] = []
  const lookup = rememberLookups(async (host) => {
    asked.push(host)
    if (asked.length === 1) throw new Error('no answer')
    return ['192.0.2.1']
  })
  await expect(lookup('registry.test')).rejects.toThrow('no answer')
  for (let i = 0; i < 3; i++) expect(await lookup('registry.test')).toEqual(['192.0.2.1'])
  expect(await lookup('other.test')).toEqual(['192.0.2.1'])
  expect(asked).toEqual(['registry.test', 'registry.test', 'other.test'])
})
