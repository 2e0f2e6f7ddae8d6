/**
 * Which part of upstream a mirror takes, decided from what is known already: no I/O here (decision record 25). Whatever is left out
 * gets the rule that leaves it out, in words that people read.
 */
import type { Selection } from '../../api/selection.ts'
import { compileGlob } from '../../lib/glob.ts'
import { createTurns } from '../../lib/turns.ts'
import { type Descriptor, formatPlatform } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { findPlatformChoice, isChosenPlatform } from '../../oci/platform-choice.ts'
import type { Tag } from '../../oci/reference.ts'
import { matchesTag } from '../../oci/tag-patterns.ts'
import { findTagVersion, findVersionRange, formatTagVersion, isInRange, newestFirst } from '../../oci/tag-version.ts'

/** True when images may be left out, so that what hangs on one may hang on nothing. */
export function limitsImages({ tags, tagsRegex, semver, newest, newerThan, platforms }: Selection): boolean {
  return [tags, tagsRegex, semver, newest, newerThan, platforms].some((limit) => limit !== undefined)
}

interface Pattern {
  readonly text: string
  matches(tag: string): boolean
}

/**
 * Chooses among tags by their names: patterns, then versions, then the newest of each pattern. Whether an image is new enough only
 * its content tells. Between tags others have their turn: expressions may be as heavy as they are allowed to be.
 * @param tags without those that only hang content on a digest
 * @returns the tags that are left out, each with the rule
 */
export async function selectTags(tags: readonly Tag[], selection: Selection): Promise<Map<Tag, string>> {
  const turn = createTurns()
  const { tags: globs = [], tagsRegex = [], semver, newest } = selection
  const patterns: Pattern[] = [
    ...globs
      .filter((glob) => !glob.startsWith('!'))
      .map((glob): Pattern => ({ text: glob, matches: compileGlob(glob) })),
    ...tagsRegex.map((text): Pattern => ({ text, matches: (tag) => matchesTag(text, tag) })),
  ]
  const isAny = patterns.length === 0
  if (isAny) patterns.push({ text: 'all tags', matches: () => true })
  const against = globs
    .filter((glob) => glob.startsWith('!'))
    .map((glob): Pattern => ({ text: glob, matches: compileGlob(glob.slice(1)) }))
  const range = semver === undefined ? undefined : findVersionRange(semver)

  const matched = new Set<Tag>()
  const chosen = new Set<Tag>()
  const rules = new Map<Tag, string>()
  for (const tag of tags) {
    const due = turn()
    if (due !== undefined) await due
    const why = refuse(tag)
    if (why !== undefined) rules.set(tag, why)
  }
  for (const pattern of patterns) {
    const group: Tag[] = []
    for (const tag of tags) {
      const due = turn()
      if (due !== undefined) await due
      if (!pattern.matches(tag)) continue
      matched.add(tag)
      if (!rules.has(tag)) group.push(tag)
    }
    const kept = newest === undefined ? group : newestFirst(group).slice(0, newest)
    for (const tag of kept) chosen.add(tag)
  }

  const names = shorten(patterns.map(({ text }) => text).join(' '))
  const leftOut = new Map<Tag, string>()
  for (const tag of tags) {
    if (chosen.has(tag)) continue
    if (!matched.has(tag)) leftOut.set(tag, `not selected: matches none of ${names}`)
    else leftOut.set(tag, `not selected: ${rules.get(tag) ?? `not among the newest ${newest} of ${names}`}`)
  }
  return leftOut

  function refuse(tag: Tag): string | undefined {
    const found = against.find((pattern) => pattern.matches(tag))
    if (found !== undefined) return `left out by ${found.text}`
    if (range === undefined) return undefined
    const version = findTagVersion(tag)
    if (version === undefined) return `its name is no version, wanted are ${semver}`
    return isInRange(version, range) ? undefined : `version ${formatTagVersion(version)} is not in ${semver}`
  }
}

/** @param created ISO time; null: nobody says it, and what is not known to be old is taken */
export function refuseOld(created: string | null, cutoff: Date, newerThan: string): string | undefined {
  if (created === null || Date.parse(created) > cutoff.getTime()) return undefined
  return `not selected: created ${created}, wanted are images newer than ${newerThan}`
}

export interface ChosenChildren {
  readonly chosen: readonly Descriptor[]
  readonly leftOut: readonly { readonly child: Descriptor; readonly rule: string }[]
}

const SUBJECT_OF_ATTESTATION = 'vnd.docker.reference.digest'

/**
 * Chooses among the entries of an index. BuildKit's attestations follow the entry that they are about; whatever names no platform is
 * taken.
 */
export function chooseChildren(
  children: readonly Descriptor[],
  platforms: readonly string[] | undefined,
): ChosenChildren {
  if (platforms === undefined) return { chosen: children, leftOut: [] }
  const choices = platforms.flatMap((text) => findPlatformChoice(text) ?? [])
  const wanted = shorten(platforms.join(', '))
  const rules = new Map<Digest, string>()
  const taken = new Set<Digest>()
  for (const { digest, platform } of children) {
    if (platform === undefined || isUnknown(platform)) continue
    if (isChosenPlatform(platform, choices)) taken.add(digest)
    else rules.set(digest, `platform ${shorten(formatPlatform(platform))} is not chosen, wanted are ${wanted}`)
  }
  const ruleOf = ({ digest, platform, annotations }: Descriptor): string | undefined => {
    if (taken.has(digest)) return undefined
    const about = annotations?.[SUBJECT_OF_ATTESTATION] as Digest | undefined
    const isAttestation = about !== undefined && (platform === undefined || isUnknown(platform))
    if (isAttestation) return taken.has(about) ? undefined : rules.get(about) && `attests ${about}: ${rules.get(about)}`
    return rules.get(digest)
  }
  const leftOut = children.flatMap((child) => {
    const rule = ruleOf(child)
    return rule === undefined ? [] : [{ child, rule }]
  })
  return { chosen: children.filter((child) => ruleOf(child) === undefined), leftOut }
}

function isUnknown({ os, architecture }: NonNullable<Descriptor['platform']>): boolean {
  const isNothing = (text: string) => text === '' || text === 'unknown'
  return isNothing(os) && isNothing(architecture)
}

/** The annotations by which attestations say what they attest. */
export const PREDICATE_ANNOTATIONS = [
  'in-toto.io/predicate-type',
  'predicateType',
  'dev.sigstore.bundle.predicateType',
] as const

/** Types by which cosign's tags are chosen, before anything is read: those that cosign gives the same thing as a referrer. */
export function typesOfDigestTag(suffix: string | undefined): readonly string[] {
  const kind = suffix?.slice(1) ?? ''
  if (kind === 'sig') {
    return ['application/vnd.dev.cosign.artifact.sig.v1+json', 'application/vnd.dev.cosign.simplesigning.v1+json']
  }
  return kind === 'att' || kind === 'sbom' ? [`application/vnd.dev.cosign.artifact.${kind}.v1+json`] : []
}

/** Types that a descriptor or a manifest says of itself: its artifact type and its predicate types. */
export function typesOf({ artifactType, annotations }: Pick<Descriptor, 'artifactType' | 'annotations'>): string[] {
  const predicates = PREDICATE_ANNOTATIONS.map((key) => annotations?.[key])
  return [artifactType, ...predicates].filter((type) => type !== undefined && type !== '') as string[]
}

/** Whether one of the types is wanted; a chooser is made once a pass. */
export function createTypeChooser(wanted: readonly string[]): (types: readonly string[]) => boolean {
  const globs = wanted.map(compileGlob)
  return (types) => types.some((type) => globs.some((matches) => matches(type)))
}

/** Why a referrer is left out. */
export function unwantedTypes(types: readonly string[], wanted: readonly string[]): string {
  const found = types.length === 0 ? 'no type' : shorten([...new Set(types)].join(' '))
  return `${found} is not chosen, wanted are ${wanted.length === 0 ? 'no referrers' : shorten(wanted.join(' '))}`
}

const MAX_SHOWN = 200

function shorten(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`
}
