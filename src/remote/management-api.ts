/**
 * What a registry's own API says of a repository's visibility. Each answers undefined where it does not tell: not asked with rights enough, not
 * there, or busy. None of them is trusted with a `private` against what a question without a login shows.
 */
import type { RegistryKind } from '../api/targets.ts'
import { isCancelled } from '../errors.ts'
import { parseForeignJson } from '../lib/json.ts'
import { discard, readText } from '../net/bounded-body.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { Abortable } from '../oci/repository.ts'
import type { PlainRequest, RegistrySession } from './session.ts'

export type ToldVisibility = 'private' | 'public' | undefined

type Ask = (session: RegistrySession, name: RepositoryName, o: Abortable) => Promise<ToldVisibility>

const MAX_ANSWER_BYTES = 1024 * 1024
/** A project of GitLab lies in a group at least, and its images in three more parts at most. */
const GITLAB_LEVELS = 4

const ASKED: Readonly<Partial<Record<RegistryKind, Ask>>> = {
  harbor: askHarbor,
  quay: askQuay,
  gitlab: askGitlab,
  ghcr: askGithub,
  'docker-hub': askDockerHub,
}

/** @throws AppError CANCELLED, ADDRESS_NOT_ALLOWED */
export async function askVisibility(
  session: RegistrySession,
  kind: RegistryKind,
  name: RepositoryName,
  o: Abortable,
): Promise<ToldVisibility> {
  return await ASKED[kind]?.(session, name, o)
}

/**
 * Whether a project of Harbor is there; undefined where that is not told (HEAD of its projects wants a login).
 * https://github.com/goharbor/harbor/blob/main/api/v2.0/swagger.yaml, `headProject`
 */
export async function hasHarborProject(
  session: RegistrySession,
  project: string,
  o: Abortable,
): Promise<boolean | undefined> {
  const url = new URL('/api/v2.0/projects', session.address.base)
  url.searchParams.set('project_name', project)
  const status = await statusOf(session, { method: 'HEAD', url, as: 'basic', what: `project ${project}`, ...o })
  return status === 200 ? true : status === 404 ? false : undefined
}

/** The first part of a path: what people make. */
export function projectOf(name: RepositoryName): string {
  return name.split('/')[0] ?? name
}

/** https://github.com/goharbor/harbor/blob/main/api/v2.0/swagger.yaml, `getProject`: metadata are texts. */
async function askHarbor(session: RegistrySession, name: RepositoryName, o: Abortable): Promise<ToldVisibility> {
  const project = projectOf(name)
  const url = new URL(`/api/v2.0/projects/${encodeURIComponent(project)}`, session.address.base)
  // A project may be called 42, which would be an id.
  const headers = { 'x-is-resource-name': 'true' }
  const told = await readFrom(session, { url, as: 'basic', headers, what: `project ${project}`, ...o })
  const isPublic = fieldOf(fieldOf(told, 'metadata'), 'public')
  return isPublic === 'true' || isPublic === true ? 'public' : isPublic === undefined ? undefined : 'private'
}

/** https://docs.quay.io/api/swagger/, `getRepo`. Robots have no right to it, so nobody is asked for: it shows what is public. */
async function askQuay(session: RegistrySession, name: RepositoryName, o: Abortable): Promise<ToldVisibility> {
  const url = new URL(`/api/v1/repository/${name}`, session.address.base)
  const told = await readFrom(session, { url, as: 'nobody', what: `repository ${name}`, ...o })
  return visibilityOf(fieldOf(told, 'is_public'), true)
}

/**
 * https://docs.gitlab.com/api/projects: at the host of the token service. `container_registry_access_level` `private` keeps a public project's
 * registry to its members; without a login it is not told, and then the question without a login decides.
 */
async function askGitlab(session: RegistrySession, name: RepositoryName, o: Abortable): Promise<ToldVisibility> {
  const known = await session.challenge()
  const base = URL.parse(known?.challenge.params.realm ?? '')
  if (known === undefined || base === null) return undefined
  const parts = name.split('/')
  for (let length = parts.length; length >= Math.max(2, parts.length - GITLAB_LEVELS); length--) {
    const project = parts.slice(0, length).join('/')
    const url = new URL(`/api/v4/projects/${encodeURIComponent(project)}`, base)
    const { ledBy } = known
    const told = await readFrom(session, { url, as: 'bearer', ledBy, what: `project ${project}`, ...o })
    const visibility = fieldOf(told, 'visibility')
    if (visibility === undefined) continue
    const level = fieldOf(told, 'container_registry_access_level')
    if (visibility !== 'public' || level === 'private' || level === 'disabled') return 'private'
    return level === 'enabled' ? 'public' : undefined
  }
  return undefined
}

/** https://docs.github.com/rest/packages/packages: `internal` is for the people of an enterprise. */
async function askGithub(session: RegistrySession, name: RepositoryName, o: Abortable): Promise<ToldVisibility> {
  const { base } = session.address
  const server = base.hostname.replace(/^containers\./, '')
  const api =
    base.hostname === 'ghcr.io' ? 'https://api.github.com' : `${base.protocol}//${server}${portOf(base)}/api/v3`
  const [owner = '', ...rest] = name.split('/')
  const container = encodeURIComponent(rest.join('/'))
  for (const owners of ['orgs', 'users']) {
    const url = new URL(`${api}/${owners}/${encodeURIComponent(owner)}/packages/container/${container}`)
    const told = await readFrom(session, { url, as: 'bearer', what: `package ${name}`, ...o })
    const visibility = fieldOf(told, 'visibility')
    if (visibility !== undefined) return visibility === 'public' ? 'public' : 'private'
  }
  return undefined
}

/** https://docs.docker.com/reference/api/hub/latest/: without a login it shows what is public, and a 404 for the rest. */
async function askDockerHub(session: RegistrySession, name: RepositoryName, o: Abortable): Promise<ToldVisibility> {
  const { base, isDockerHub } = session.address
  const api = isDockerHub ? 'https://hub.docker.com/v2' : `${base.origin}/api/hub`
  const url = new URL(`${api}/repositories/${name}/`)
  const told = await readFrom(session, { url, as: 'nobody', what: `repository ${name}`, ...o })
  return visibilityOf(fieldOf(told, 'is_private'), false)
}

function visibilityOf(told: unknown, isPublicWhen: boolean): ToldVisibility {
  if (typeof told !== 'boolean') return undefined
  return told === isPublicWhen ? 'public' : 'private'
}

function portOf({ port }: URL): string {
  return port === '' ? '' : `:${port}`
}

function fieldOf(value: unknown, field: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, field)) return undefined
  return (value as Record<string, unknown>)[field] ?? undefined
}

async function statusOf(session: RegistrySession, request: PlainRequest): Promise<number | undefined> {
  return await orNothing(async () => {
    const response = await session.ask(request)
    await discard(response)
    return response.status
  })
}

/** The body as JSON of a 200; undefined for anything else. */
async function readFrom(session: RegistrySession, request: PlainRequest): Promise<unknown> {
  return await orNothing(async () => {
    const response = await session.ask(request)
    if (response.status === 200) return parseForeignJson(await readText(response, MAX_ANSWER_BYTES, request.what))
    await discard(response)
    return undefined
  })
}

/** An API that cannot be had says nothing. */
async function orNothing<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (isCancelled(error)) throw error
    return undefined
  }
}
