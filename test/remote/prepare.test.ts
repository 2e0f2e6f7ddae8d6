// What has to be there before the first push: made where the registry has an API for it, told of where people make it.
import { expect, test } from 'bun:test'
import type { RegistryKind } from '../../src/api/targets.ts'
import { parseRepositoryName, type RepositoryName } from '../../src/oci/reference.ts'
import { prepareRepository } from '../../src/remote/prepare.ts'
import { openSession } from '../../src/remote/session.ts'
import { type QuirkRegistry, REGISTRIES, startQuirkRegistry, USER } from '../support/quirk-registry.ts'
import { failed, loopbackNetwork } from './scripted-registry.ts'

const NAME = parseRepositoryName('team/app')

function prepare(registry: QuirkRegistry, kind: RegistryKind, create?: (name: RepositoryName) => Promise<void>) {
  const session = openSession(loopbackNetwork(), { url: registry.url, ...USER })
  return prepareRepository({ session, kind, name: NAME, createRepository: create })
}

test('where a push makes it, nothing is asked', async () => {
  await using registry = await startQuirkRegistry()
  await prepare(registry, 'other')
  expect(registry.count()).toBe(0)
})

test('ECR: made once, and the command is told where we have no client', async () => {
  await using registry = await startQuirkRegistry(REGISTRIES.ecr)
  const made: string[] = []
  const create = async (name: RepositoryName) => {
    made.push(name)
    registry.repository(name)
  }
  const error = await failed(prepare(registry, 'ecr'))
  expect(error.code).toBe('TARGET_NOT_FOUND')
  expect(error.message).toContain('aws ecr create-repository --repository-name team/app')
  await prepare(registry, 'ecr', create)
  await prepare(registry, 'ecr', create)
  expect(made).toEqual([NAME])
})

test.each([
  ['harbor', 'make the project team in Harbor first'],
  ['docker-hub', 'make team/app at hub.docker.com first, as a private repository'],
] as const)('%s: people make it', async (kind, remedy) => {
  await using registry = await startQuirkRegistry(REGISTRIES[kind])
  const error = await failed(prepare(registry, kind))
  expect(error.code).toBe('TARGET_NOT_FOUND')
  expect(error.message).toContain(remedy)
  registry.repository(kind === 'harbor' ? 'team/other' : NAME)
  await prepare(registry, kind)
})

test('a registry that does not tell is left to the push', async () => {
  await using registry = await startQuirkRegistry({ ...REGISTRIES.harbor, api: 'harbor' })
  const session = openSession(loopbackNetwork(), { url: registry.url })
  // Without a login its API tells nothing.
  await prepareRepository({ session, kind: 'harbor', name: NAME })
  expect(registry.count('management')).toBe(1)
  await prepare(registry, 'gitlab')
  expect(registry.count()).toBe(1)
})
