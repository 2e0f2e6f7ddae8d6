/** The payloads of each kind of registry. docs/push-hints.md says where their fields were read. */
import { parseForeignJson } from '../../lib/json.ts'
import { isManifestType } from '../../oci/media-types.ts'
import {
  type Ignored,
  ignore,
  isObject,
  type Json,
  lacking,
  listAt,
  objectAt,
  type Push,
  pushOf,
  type Shape,
  shown,
  textAt,
} from './push.ts'

/** Docker Hub's, and Kagami's own: the same with an object `kagami`, which tells the digest too. */
const dockerHub: Shape = {
  format: 'Docker Hub',
  read(payload) {
    if (!isObject(payload.push_data) || !isObject(payload.repository)) return undefined
    const repository = objectAt(payload, 'repository')
    const name = textAt(repository, 'repo_name') ?? joined(textAt(repository, 'namespace'), textAt(repository, 'name'))
    const digest = textAt(objectAt(payload, 'kagami'), 'digest')
    return [pushOf(name, textAt(objectAt(payload, 'push_data'), 'tag'), digest)]
  },
}

const kagami: Shape = {
  format: 'Kagami',
  read(payload, headers) {
    if (!isObject(payload.kagami)) return undefined
    const read = dockerHub.read(payload, headers)
    if (read !== undefined) return read
    const kind = textAt(payload.kagami, 'kind')
    return kind === undefined ? undefined : [ignore(`${shown(kind)} is no push`)]
  },
}

/** `event_data` of Harbor's default format, which is the `data` of its CloudEvents. */
function harborPushes(data: Json): (Push | Ignored)[] {
  const repository = objectAt(data, 'repository')
  const name =
    textAt(repository, 'repo_full_name') ?? joined(textAt(repository, 'namespace'), textAt(repository, 'name'))
  const resources = listAt(data, 'resources').filter(isObject)
  if (resources.length === 0)
    return [lacking(name === undefined ? 'it names no repository' : `${shown(name)}: no resource is named`)]
  return resources.map((one) => pushOf(name, textAt(one, 'tag'), textAt(one, 'digest')))
}

const harbor: Shape = {
  format: 'Harbor',
  read(payload) {
    const type = textAt(payload, 'type')
    if (type === undefined || !isObject(payload.event_data)) return undefined
    // `pushImage` is of versions before 2.0.
    if (type !== 'PUSH_ARTIFACT' && type !== 'pushImage') return [ignore(`${shown(type)} is no push`)]
    return harborPushes(objectAt(payload, 'event_data'))
  },
}

/** The events of distribution's notifications; Azure's registry sends one by one what the others put into an envelope. */
const distribution: Shape = {
  format: 'distribution',
  read(payload) {
    const isSingle = isObject(payload.target) && typeof payload.action === 'string'
    if (!isSingle && !Array.isArray(payload.events)) return undefined
    const events = isSingle ? [payload] : listAt(payload, 'events')
    if (!events.every((event) => isObject(event) && isObject(event.target))) return undefined
    return events.filter(isObject).map((event) => {
      const target = objectAt(event, 'target')
      const [action, name, mediaType] = [
        textAt(event, 'action'),
        textAt(target, 'repository'),
        textAt(target, 'mediaType'),
      ]
      if (action !== 'push') return ignore(`${shown(action)} of ${shown(name)} is no push`)
      const tag = textAt(target, 'tag')
      // Layers are pushed too, and belong to manifests that follow.
      if (tag === undefined && (mediaType === undefined || !isManifestType(mediaType))) {
        return ignore(`a blob of ${shown(name)}`)
      }
      return pushOf(name, tag, textAt(target, 'digest'))
    })
  },
}

/** GitHub's `package` and `registry_package` events; names there are written as people write them, repositories are lower case. */
const github: Shape = {
  format: 'GitHub',
  read(payload) {
    if (typeof payload.zen === 'string' && Object.hasOwn(payload, 'hook_id')) {
      return [ignore('a ping: the address is right')]
    }
    const of = isObject(payload.registry_package) ? payload.registry_package : payload.package
    if (!isObject(of) || !isObject(of.package_version)) return undefined
    const action = textAt(payload, 'action')
    if (action !== 'published' && action !== 'updated') return [ignore(`${shown(action)} is no push`)]
    const version = objectAt(of, 'package_version')
    if (!isObject(version.container_metadata)) {
      return [
        ignore(`${shown(textAt(of, 'name'))} is no container image: its type is ${shown(textAt(of, 'package_type'))}`),
      ]
    }
    const tag = objectAt(version, 'container_metadata', 'tag')
    const url = textAt(version, 'package_url')
    const name =
      (url === undefined ? undefined : pathOfImage(url)) ?? joined(textAt(of, 'namespace'), textAt(of, 'name'))
    return [pushOf(name?.toLowerCase(), textAt(tag, 'name'), textAt(tag, 'digest') ?? textAt(version, 'version'))]
  },
}

/** Quay's repo_push: the names of the tags, or (as it once was) an object by them. */
const quay: Shape = {
  format: 'Quay',
  read(payload) {
    const name = textAt(payload, 'repository')
    if (name === undefined || typeof payload.docker_url !== 'string') return undefined
    const { updated_tags: tags } = payload
    const names = isObject(tags) ? Object.keys(tags) : Array.isArray(tags) ? tags : undefined
    if (names === undefined) return [ignore(`${shown(name)}: an event that names no updated tags is no push`)]
    return names.map((tag) =>
      typeof tag === 'string' ? pushOf(name, tag) : ignore(`${shown(name)}: a tag that is no text`),
    )
  },
}

/** The type of a CloudEvent; undefined: it is none. Its attributes stand in the document, or in headers beside the bare data. */
export function eventTypeOf(payload: Json, headers: Headers): string | undefined {
  if (typeof payload.specversion === 'string') return textAt(payload, 'type') ?? ''
  return headers.has('ce-specversion') ? (headers.get('ce-type') ?? '') : undefined
}

/** The data of a CloudEvent: an object, or the text of one, which may be encoded (CloudEvents 1.0, JSON format, 3.1). */
function eventDataOf(payload: Json): Json {
  if (typeof payload.specversion !== 'string') return payload
  const encoded = textAt(payload, 'data_base64')
  const text = encoded === undefined ? textAt(payload, 'data') : Buffer.from(encoded, 'base64').toString('utf8')
  if (text === undefined) return objectAt(payload, 'data')
  try {
    const data = parseForeignJson(text)
    return isObject(data) ? data : {}
  } catch {
    return {}
  }
}

/** CloudEvents of zot, Harbor and Kagami, as one document or with the attributes in headers. */
const cloudEvents: Shape = {
  format: 'CloudEvents',
  read(payload, headers) {
    const type = eventTypeOf(payload, headers)
    if (type === undefined) return undefined
    if (type === 'harbor.artifact.pushed') return harborPushes(eventDataOf(payload))
    // zot's operators may put another word before it.
    if (/(^|\.)image\.updated$/.test(type)) {
      const data = eventDataOf(payload)
      return [pushOf(textAt(data, 'name'), textAt(data, 'reference'), textAt(data, 'digest'))]
    }
    if (/^kagami\./.test(type)) return kagami.read(eventDataOf(payload), headers)
    const isKnown = /^harbor\./.test(type) || /(^|\.)(image|repository)\.[a-z_]+$/.test(type)
    return isKnown ? [ignore(`an event of type ${shown(type)} is no push`)] : undefined
  },
}

/** The more telling ones first. */
export const SHAPES: readonly Shape[] = [cloudEvents, kagami, dockerHub, harbor, distribution, github, quay]

function joined(namespace: string | undefined, name: string | undefined): string | undefined {
  return namespace === undefined || name === undefined ? name : `${namespace}/${name}`
}

/** `owner/name` of `ghcr.io/owner/name:tag`. */
function pathOfImage(text: string): string | undefined {
  return /^(?:https?:\/\/)?[^/\s]+\/([^:@\s]+)/.exec(text)?.[1]
}
