/** What every shape of the management API is made of; `z` carries `.openapi()`, which names a schema in the document. */
import { z } from '@hono/zod-openapi'

export { z }

/** ISO 8601 in UTC. */
export const timeSchema = z.iso.datetime().openapi({ example: '2026-01-31T12:00:00.000Z' })

export const idSchema = z.string().min(1).openapi({ example: '6f1c1f0e-6d0b-4d2a-9a51-5f4fbb1e7c55' })

/** As clients send one. */
export const idParameterSchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, 'want an id')
  .openapi({ example: '6f1c1f0e-6d0b-4d2a-9a51-5f4fbb1e7c55' })

/** `<algorithm>:<hex>` of OCI image-spec "Digests". */
export const digestSchema = z
  .string()
  .regex(/^(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/)
  .openapi({ example: 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' })

/** One line of text, taken letter for letter. */
export function lineSchema(o: { readonly min?: number; readonly max: number }) {
  return inOneLine(z.string(), o)
}

/** One line by which people know something: without the spaces around it, and without what would make it look like another. */
export function shownLineSchema(o: { readonly min?: number; readonly max: number }) {
  return inOneLine(z.string().trim(), o).refine(
    (text) => !DECEIVING.test(text),
    'want no characters that turn the direction of text, or that nobody sees',
  )
}

/** Marks and overrides of direction (Unicode TR 9), separators of lines, and what has no width. Joiners stay: scripts need them. */
const DECEIVING = /[\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/u

function inOneLine(text: z.ZodString, o: { readonly min?: number; readonly max: number }) {
  return text
    .min(o.min ?? 1)
    .max(o.max)
    .refine((line) => !/\p{Cc}/u.test(line), 'want one line without control characters')
}

/** One name of a user, an organization or an upstream. */
export const nameSchema = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[a-z0-9]+(?:[._-]+[a-z0-9]+)*$/, 'want lower-case letters and digits, with . _ or - between them')
  .openapi({ example: 'acme' })

/** `organization/rest`, as in `/v2/<name>/`. */
export const repositoryNameSchema = z
  .string()
  .max(255)
  .regex(
    /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)+$/,
    'want ORGANIZATION/NAME in lower case',
  )
  .openapi({ example: 'acme/dhi-python' })

/** A repository as its upstream calls it, below the upstream's own path. */
export const sourceRepositorySchema = z
  .string()
  .max(255)
  .regex(/^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/, 'want lower case')
  .openapi({ example: 'python' })
