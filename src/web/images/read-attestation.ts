/** What a person wants of the usual attestations, read out of a JSON value that anybody may have written: what is not as expected is left out. */
import type { ImageVulnerability } from '../../api/images.ts'

type Status = ImageVulnerability['status']
const STATUSES: readonly string[] = ['affected', 'under_investigation', 'not_affected', 'fixed'] satisfies Status[]

export interface VexStatement {
  readonly key: string
  readonly id: string
  readonly status: Status
  /** Why, and what one may do. */
  readonly said: string
}

export interface Provenance {
  readonly builder: string | undefined
  readonly buildType: string | undefined
  readonly source: string | undefined
  readonly started: string | undefined
  readonly finished: string | undefined
  /** What it was built from. */
  readonly materials: number | undefined
}

function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value
  for (const name of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, name)) return undefined
    here = (here as Readonly<Record<string, unknown>>)[name]
  }
  return here
}

function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path)
  return typeof found === 'string' && found !== '' ? found : undefined
}

/** Undefined: not a VEX document. */
export function readVex(value: unknown): readonly VexStatement[] | undefined {
  const statements = at(value, 'statements')
  if (!Array.isArray(statements)) return undefined
  const read = statements.flatMap((one, index): VexStatement[] => {
    const id =
      textAt(one, 'vulnerability', 'name') ?? textAt(one, 'vulnerability', '@id') ?? textAt(one, 'vulnerability')
    const status = textAt(one, 'status')
    if (id === undefined || status === undefined || !STATUSES.includes(status)) return []
    const why = [textAt(one, 'justification')?.replaceAll('_', ' ')]
    const said = [...why, textAt(one, 'impact_statement'), textAt(one, 'action_statement')]
    return [{ key: `${index}`, id, status: status as Status, said: said.filter(Boolean).join(': ') }]
  })
  return read.length === 0 ? undefined : read
}

/** Of SLSA v1 or v0.2; undefined: it is neither. */
export function readProvenance(value: unknown): Provenance | undefined {
  const materials = at(value, 'buildDefinition', 'resolvedDependencies') ?? at(value, 'materials')
  const found = {
    builder: textAt(value, 'runDetails', 'builder', 'id') ?? textAt(value, 'builder', 'id'),
    buildType: textAt(value, 'buildDefinition', 'buildType') ?? textAt(value, 'buildType'),
    source:
      textAt(value, 'buildDefinition', 'externalParameters', 'configSource', 'uri') ??
      textAt(value, 'buildDefinition', 'externalParameters', 'workflow', 'repository') ??
      textAt(value, 'invocation', 'configSource', 'uri'),
    started: textAt(value, 'runDetails', 'metadata', 'startedOn') ?? textAt(value, 'metadata', 'buildStartedOn'),
    finished: textAt(value, 'runDetails', 'metadata', 'finishedOn') ?? textAt(value, 'metadata', 'buildFinishedOn'),
    materials: Array.isArray(materials) ? materials.length : undefined,
  }
  return found.builder === undefined && found.buildType === undefined ? undefined : found
}
