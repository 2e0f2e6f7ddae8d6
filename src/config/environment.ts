import type { Environment } from './settings.ts'

/** The process's own environment, for those who must change it, and for what libraries read by themselves; settings are read by `read.ts`. */
export const environment: { -readonly [name in keyof Environment]: Environment[name] } = process.env
