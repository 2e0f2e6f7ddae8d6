/** Lists page by key: `?limit=&after=` → `{"<nouns>": […], "next": cursor | null}`. */
import { nameSchema, z } from './schema.ts'

export const MAX_LIMIT = 1000

/** `after` is the `next` of the page before; what it holds is the server's affair (no control characters: PostgreSQL's text holds no zero byte). */
export const listQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(100),
  after: z
    .string()
    .min(1)
    .max(1024)
    .refine((text) => !/\p{Cc}/u.test(text), 'want the `next` of the page before')
    .optional(),
})

/** A list across one's organizations, or of one of them. */
export const acrossQuerySchema = listQuerySchema.extend({ organization: nameSchema.optional() })

/** The shape of one page of `nouns`. */
export function listSchema<N extends string, T extends z.ZodType>(nouns: N, item: T) {
  return z.strictObject({ [nouns]: z.array(item), next: z.string().nullable() } as Record<N, z.ZodArray<T>> & {
    next: z.ZodNullable<z.ZodString>
  })
}
