/** What a look at a registry has shown, and the line to go on with. */
import type { UpstreamChangeAnswer, UpstreamCheck } from '../api/upstreams.ts'
import { lines, properties } from './table.ts'

/** How to say what is meant from here: the program, the upstream, and `--org X` or `--shared` where they are needed. */
export interface Wording {
  readonly program: string
  readonly name: string
  /** ` --org acme`, or nothing: for verbs about repositories. */
  readonly organization: string
  /** The same, or ` --shared`: for verbs about the upstream itself. */
  readonly owner: string
}

/** Indented lines: what answers, whether we are let in, what it can do. */
export function checkText(check: UpstreamCheck, username: string | null, w: Wording): string {
  const text = properties([
    ['Registry', `${check.host} answers${check.apiVersion === null ? '' : ` (${check.apiVersion})`}`],
    ['Login', loginText(check, username, w)],
    ['Catalog', catalogText(check, w)],
    ['Referrers', REFERRERS[check.referrersApi]],
  ])
  return text.replace(/^/gm, '  ')
}

const REFERRERS: Record<UpstreamCheck['referrersApi'], string> = {
  yes: 'by the API',
  no: 'by fallback tags (it has no referrers API)',
  unknown: 'by the API or by fallback tags: the first run finds out',
}

function loginText({ login }: UpstreamCheck, username: string | null, w: Wording): string {
  switch (login) {
    case 'accepted':
      return `accepted, as ${username}`
    case 'not-asked':
      return `not asked for: whether the password of ${username} is right shows when content is read`
    case 'anonymous':
      return 'none, and it lets everybody in; private repositories may want one'
    case 'required':
      return `none was given, and it wants one: ${w.program} upstream change ${w.name}${w.owner} --username USER --password-stdin`
    case 'unknown':
      return 'not known: the registry does not tell now'
  }
}

function catalogText({ catalog, repository }: UpstreamCheck, w: Wording): string {
  switch (catalog) {
    case 'yes':
      if (repository === null) return 'it lists no repository at this address for this login'
      return `${w.program} catalog list ${w.name}${w.organization}`
    case 'denied':
      return 'kept to itself: repositories are mirrored by name'
    case 'no':
      return 'it has none: repositories are mirrored by name'
    case 'unknown':
      return 'could not be read: repositories are mirrored by name'
  }
}

/** Docker Hub does not list its repositories. */
const DOCKER_HUB: Readonly<Record<string, string | undefined>> = {
  'https://docker.io': 'library/alpine',
  'https://docker.io/library': 'alpine',
}

/** A repository that is there, where the registry tells. */
export function knownRepository(check: UpstreamCheck | null, url: string): string | undefined {
  return check?.repository ?? DOCKER_HUB[url]
}

/** A line to copy. @param as a name of its own, where that of the repository is taken */
export function nextText(check: UpstreamCheck | null, url: string, w: Wording, as: string | undefined): string {
  const known = knownRepository(check, url)
  const own = as === undefined ? '' : ` --as ${as}`
  const line = `${w.program} mirror start ${w.name}/${known ?? 'REPOSITORY'}${w.organization}${own}`
  return lines([`${known === undefined ? 'Mirror from it, with the name of a repository' : 'Mirror from it'}: ${line}`])
}

/** What becomes of the mirrors. */
export function changeText({ mirrors, isOtherSource }: UpstreamChangeAnswer, w: Wording): string {
  const told: string[] = []
  const [first] = mirrors
  if (first !== undefined) {
    const which =
      mirrors.length > 3 ? `${mirrors.slice(0, 2).join(', ')} and ${mirrors.length - 2} more` : mirrors.join(', ')
    told.push(
      `Read by ${which}: nothing stops, the next run takes the new settings.`,
      `At once: ${w.program} mirror sync ${first}`,
    )
  }
  if (isOtherSource) {
    told.push(
      'Address or login are others now: what is here stays, referrers are listed anew, and a further mirror fetches its content itself.',
    )
  }
  return lines(told)
}
