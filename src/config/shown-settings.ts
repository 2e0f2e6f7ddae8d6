/** The settings that a server goes by, as its operators may see them: each with where it comes from, and no secret. */
import { type Field, SERVER_FIELDS } from './fields.ts'
import type { Found } from './text.ts'

export interface ShownSetting {
  readonly variable: string
  readonly key: string | null
  /** Null: nothing is set and nothing is taken instead, or it is a secret. */
  readonly value: string | null
  readonly isSecret: boolean
  readonly source: 'default' | 'environment' | 'file'
  /** File, line and key. */
  readonly where: string | null
  readonly about: string
  readonly want: string
}

const SECRETS: readonly Field[] = [SERVER_FIELDS.ownerPassword, SERVER_FIELDS.smtpUrl]

/** @param find what was set for a field */
export function showSettings(find: (field: Field) => Found | undefined): ShownSetting[] {
  return Object.values(SERVER_FIELDS).map((field: Field) => {
    const found = find(field)
    const isOfEnvironment = found?.where === field.variable
    return {
      variable: field.variable,
      key: field.key ?? null,
      ...shownValue(field, found),
      source: found === undefined ? 'default' : isOfEnvironment ? 'environment' : 'file',
      where: found === undefined || isOfEnvironment ? null : found.where,
      about: field.about,
      want: field.want,
    }
  })
}

function shownValue(field: Field, found: Found | undefined): Pick<ShownSetting, 'value' | 'isSecret'> {
  const isUrlOfDatabase = field === SERVER_FIELDS.database && found !== undefined && found.text.includes('://')
  if (SECRETS.includes(field) || isUrlOfDatabase) return { value: null, isSecret: true }
  return { value: found?.text ?? field.fallback ?? null, isSecret: false }
}
