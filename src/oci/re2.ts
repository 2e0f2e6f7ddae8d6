/** Regular expressions in linear time, loaded by the first that is compiled: most servers have none. */
import { lazily } from '../lib/lazily.ts'

export const re2 = lazily(() => (require('re2js') as typeof import('re2js')).RE2JS)
