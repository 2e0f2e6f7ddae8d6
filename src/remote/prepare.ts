/** Repositories that have to be there before the first push: made by us, private, where the registry has an API for it, or told of, with what to do. */
import type { RegistryKind } from '../api/targets.ts'
import { AppError, isAppError, isCancelled } from '../errors.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { Abortable } from '../oci/repository.ts'
import { hasHarborProject, projectOf } from './management-api.ts'
import { traitsOf } from './registry-traits.ts'
import type { RegistrySession } from './session.ts'
import { listTags } from './tags.ts'

export interface PrepareOptions extends Abortable {
  /** With the target's own login. */
  readonly session: RegistrySession
  readonly kind: RegistryKind
  /** At the registry itself. */
  readonly name: RepositoryName
  /** Makes the repository, private, by the registry's own API; one that is there is as good. Absent: there is no client for it. */
  readonly createRepository?: ((name: RepositoryName, o: Abortable) => Promise<void>) | undefined
}

/**
 * Asks nothing where a push makes what is not there.
 * @throws AppError TARGET_NOT_FOUND where only people can make it, with how; CANCELLED; what `createRepository` throws
 */
export async function prepareRepository({
  session,
  kind,
  name,
  createRepository,
  signal,
}: PrepareOptions): Promise<void> {
  const { repositories } = traitsOf(kind)
  if (repositories === 'by-push') return
  const o = signal === undefined ? {} : { signal }
  const { host } = session.address
  if (kind === 'harbor') {
    if ((await hasHarborProject(session, projectOf(name), o)) !== false) return
    throw absentRepository(kind, host, name)
  }
  // A project or a repository key says nothing of itself: one without images looks like one that is not there.
  if (repositories === 'by-people' && kind !== 'docker-hub') return
  if (await isThere(session, name, o)) return
  if (repositories !== 'by-api' || createRepository === undefined) throw absentRepository(kind, host, name)
  await createRepository(name, o)
}

/**
 * TARGET_NOT_FOUND with what to do about it; also for a push that was refused because the repository is not there.
 * @param host as people know it
 */
export function absentRepository(kind: RegistryKind, host: string, name: RepositoryName): AppError {
  const remedy = REMEDIES[kind]?.(name) ?? 'make it first, private'
  return new AppError(
    'TARGET_NOT_FOUND',
    `${host}: repository ${name} is not there, and a push does not make it: ${remedy}`,
    {
      about: { reason: 'absent', what: 'repository', name },
    },
  )
}

const REMEDIES: Readonly<Partial<Record<RegistryKind, (name: RepositoryName) => string>>> = {
  ecr: (name) =>
    `run aws ecr create-repository --repository-name ${name}, or give the login the right ecr:CreateRepository`,
  'ecr-public': () => 'and what is there is public: nothing is sent to it',
  google: (name) =>
    `run gcloud artifacts repositories create ${name.split('/')[1] ?? name} --repository-format=docker in its project and location`,
  'docker-hub': (name) => `make ${name} at hub.docker.com first, as a private repository`,
  harbor: (name) => `make the project ${projectOf(name)} in Harbor first, with the access level private`,
  gitlab: (name) => {
    const project = name.split('/').slice(0, 2).join('/')
    return `its path has to lie under a project that is there: make ${project} first, private`
  },
  artifactory: (name) => `make the local Docker repository ${projectOf(name)} in Artifactory first`,
  kagami: (name) => `make the organization ${projectOf(name)} there first`,
}

/** Anything but a plain 404 is left to the push: it says more of what is wrong. */
async function isThere(session: RegistrySession, name: RepositoryName, o: Abortable): Promise<boolean> {
  try {
    for await (const _ of listTags(session, name, o)) return true
    return true
  } catch (error) {
    if (isCancelled(error)) throw error
    return !isAppError(error, 'UPSTREAM_NOT_FOUND')
  }
}
