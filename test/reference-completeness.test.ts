// The pages say of everything that can be given what it takes, whether it must be given, and what it is otherwise.
import { expect, test } from 'bun:test'
import { renderReference } from '../scripts/reference.ts'

const pages = await renderReference()

/** The row of `name` below the heading. */
function row(page: string, heading: string, name: string): string[] {
  const text = pages.get(page) ?? ''
  const section = text.split(/^## /m).find((part) => part.split('\n')[0] === heading) ?? ''
  const line = section.split('\n').find((one) => one.startsWith(`| \`${name}`)) ?? `no ${name} in ${heading}`
  return line
    .split(/(?<!\\) ?\| ?/)
    .slice(1, -1)
    .map((cell) => cell.trim())
}

test('command line: choices, defaults and what is required', () => {
  const of = (verb: string, name: string) => row('command-line.md', verb, name).slice(0, 4)
  expect(of('token create', '--label')).toEqual(['`--label <label>`', 'yes', '', ''])
  expect(of('token create', '--scope')).toEqual([
    '`--scope <scope>`',
    'no',
    '`read`, `write`, `delete`, `admin`',
    '`read`',
  ])
  expect(of('token create', '--expires')).toEqual(['`--expires <time>`', 'no', '', '`90d`'])
  expect(of('member add', 'role')).toEqual(['`role`', 'yes', '`owner`, `editor`, `member`', ''])
  expect(of('catalog list', 'upstream')).toEqual(['`upstream`', 'no', '', ''])
  expect(of('repository create', '--visibility')).toEqual([
    '`--visibility <visibility>`',
    'no',
    '`private`, `public`',
    'private',
  ])
  expect(of('repository change', '--visibility')[3]).toBe('')
  expect(of('mirror start', '--org')[3]).toBe('your only one')
})

test('API: choices, defaults and what is required, in paths, queries, bodies and answers', () => {
  const of = (heading: string, name: string) => row('api.md', heading, name).slice(1, 4)
  expect(of('`GET /api/v1/tokens`', 'limit')).toEqual(['whole number, 1 to 1000', 'no', '`100`'])
  expect(of('`DELETE /api/v1/tokens/{token}`', 'token')[1]).toBe('yes')
  expect(of('TokenCreate', 'scope')).toEqual(['`read`, `write`, `delete`, `admin`', 'no', '`"read"`'])
  expect(of('TokenCreate', 'label')).toEqual(['text, 1 to 100 characters', 'yes', ''])
  expect(of('RepositoryCreate', 'visibility')).toEqual(['`private`, `public`', 'no', 'private'])
  expect(of('UpstreamCreate', 'check')).toEqual(['`true`, `false`', 'no', '`false`'])
  expect(of('Mirror', 'state')[0]).toBe('`initial`, `active`, `syncing`, `degraded`, `paused`, `stopped`')
})

test('every shape that is named is on the page', () => {
  const text = pages.get('api.md') ?? ''
  const named = new Set([...text.matchAll(/\]\(#([a-z]+)\)/g)].map((match) => match[1]))
  const there = new Set([...text.matchAll(/^## (\w+)$/gm)].map((match) => match[1]?.toLowerCase()))
  expect([...named].filter((name) => !there.has(name))).toEqual([])
  expect(text).not.toContain('anything |')
})

test('settings: what they take and what they are otherwise', () => {
  const text = pages.get('settings.md') ?? ''
  expect(text).toContain('| `KAGAMI_LOG` | `log` | debug, info, warn or error | `info` |')
  expect(text).toContain('| `KAGAMI_URL` | `url` | http:// or https:// and a host, without path | unset |')
  expect(text).toContain('None is required.')
})
