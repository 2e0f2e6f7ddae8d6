// The management APIs that tell whether a repository is public, as far as they tell it.
import { type Asked, json, type Reply, refuse } from './exchange.ts'
import type { Quirks } from './quirks.ts'
import type { Store } from './store.ts'

/** @param isUser the request is signed in */
export function answerManagement(quirks: Quirks, store: Store, { method, url }: Asked, isUser: boolean): Reply {
  const isPublic = quirks.isPublic === true
  const maySee = isPublic || isUser
  const path = url.pathname
  const missing = refuse(404, 'NOT_FOUND')
  /** Projects are there when a repository in them has been made. */
  const hasProject = (name: string) =>
    [...store.repositories.keys()].some((one) => one === name || one.startsWith(`${name}/`))
  if (quirks.api === 'harbor') {
    const [, named] = /^\/api\/v2\.0\/projects\/([^/]+)$/.exec(path) ?? []
    const name = decodeURIComponent(named ?? url.searchParams.get('project_name') ?? '')
    if (method === 'HEAD' && named === undefined) {
      return !isUser ? refuse(401, 'UNAUTHORIZED') : hasProject(name) ? { status: 200 } : missing
    }
    if (!hasProject(name)) return missing
    return maySee ? json({ name, metadata: { public: String(isPublic) } }) : refuse(401, 'UNAUTHORIZED')
  }
  if (quirks.api === 'quay') {
    const [, name = ''] = /^\/api\/v1\/repository\/(.+)$/.exec(path) ?? []
    if (store.find(name) === undefined) return missing
    return isPublic ? json({ name, is_public: true }) : refuse(401, 'UNAUTHORIZED')
  }
  if (quirks.api === 'gitlab') {
    const [, name = ''] = /^\/api\/v4\/projects\/([^/]+)$/.exec(path) ?? []
    const project = decodeURIComponent(name)
    // A project lies below a group, and what is below it are its repositories.
    if (project.split('/').length !== 2 || !hasProject(project) || !maySee) return missing
    const visibility = isPublic ? 'public' : 'private'
    return json({ visibility, ...(isUser ? { container_registry_access_level: 'enabled' } : {}) })
  }
  if (quirks.api === 'github') {
    const [, name = ''] = /^\/api\/v3\/(?:orgs|users)\/[^/]+\/packages\/container\/([^/]+)$/.exec(path) ?? []
    if (name === '' || !isUser) return missing
    return json({ name: decodeURIComponent(name), visibility: isPublic ? 'public' : 'private' })
  }
  if (quirks.api === 'docker-hub') {
    const [, name = ''] = /^\/api\/hub\/repositories\/([^/]+\/[^/]+)\/?$/.exec(path) ?? []
    if (store.find(name) === undefined || !isPublic) return missing
    return json({ name, is_private: false })
  }
  return missing
}
