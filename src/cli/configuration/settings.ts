/** Settings of mirrors as files have them, against those that are there. */
import { isDeepStrictEqual } from 'node:util'
import { changedSettings, type MirrorChange, type MirrorSettings } from '../../api/mirror-settings.ts'

/** What differs, as the API takes a change: null is the default again. A selection changes limit by limit. */
export function settingChanges(given: MirrorSettings, present: MirrorSettings): MirrorChange {
  // As the server will keep it: without what says nothing.
  const wanted = changedSettings({}, given)
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(present)])] as (keyof MirrorSettings)[]
  const changed = names.filter((name) => !isDeepStrictEqual(wanted[name], present[name]))
  const { selection } = wanted
  const gone = Object.keys(present.selection ?? {}).map((limit) => [limit, null] as const)
  return Object.fromEntries(
    changed.map((name) => {
      if (name === 'selection' && selection !== undefined) return [name, { ...Object.fromEntries(gone), ...selection }]
      return [name, wanted[name] ?? null]
    }),
  )
}
