import { describe, expect, test } from 'bun:test'
import { formatScopes, parseScopes } from '../../../src/http/token/scope.ts'

const parse = (...parameters: string[]) =>
  parseScopes(parameters).map((scope) =>
    scope.type === 'registry' ? 'catalog' : `${scope.name}:${[...scope.actions]}`,
  )

describe('scopes (checklist 2.2)', () => {
  test.each([
    [['repository:acme/app:pull'], ['acme/app:pull']],
    [['repository:acme/app:push,pull'], ['acme/app:pull,push']],
    [['repository:a/b:pull repository:c/d:push'], ['a/b:pull', 'c/d:push']],
    [
      ['repository:a/b:pull', 'repository:c/d:push'],
      ['a/b:pull', 'c/d:push'],
    ],
    [['repository:a/b:pull', 'repository:a/b:push repository:a/b:pull'], ['a/b:pull,push']],
    [['repository(plugin):a/b:pull'], ['a/b:pull']],
    [['repository(plugin):a/b:pull repository:a/b:delete'], ['a/b:pull,delete']],
    [['repository:a/b:*'], ['a/b:pull,push,delete']],
    [['repository:a/b:pull,unknown'], ['a/b:pull']],
    [['repository:a/b:'], ['a/b:']],
    [['registry:catalog:*'], ['catalog']],
    [['registry:catalog:pull', 'registry:other:*'], []],
    [['other:a/b:pull', 'repository', 'repository:a/b', '', ':::', 'repository::pull'], []],
    [['repository:Acme/App:pull', 'repository:../x:pull', 'repository:localhost:5000/a/b:pull'], []],
  ])('%j asks for %j', (parameters, expected) => {
    expect(parse(...parameters)).toEqual(expected)
  })

  test('however many are asked for, a bounded number is looked at', () => {
    const many = Array.from({ length: 5000 }, (_, index) => `repository:acme/r${index}:pull`)
    expect(parse(many.join(' ')).length).toBe(100)
  })

  test('are written as they are read', () => {
    const text = 'repository:a/b:pull,push registry:catalog:*'
    expect(
      formatScopes([
        { type: 'repository', name: 'a/b', actions: ['pull', 'push'] },
        { type: 'registry', name: 'catalog', actions: ['*'] },
      ]),
    ).toBe(text)
  })
})
