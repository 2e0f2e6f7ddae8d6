import { nameSchema, z } from './schema.ts'

/** An account. `operator`: may create users and organizations and share upstreams. */
export const userSchema = z
  .strictObject({ id: z.string(), username: nameSchema, operator: z.boolean() })
  .openapi('User')

/** A password is made, and shown in the answer once, when none is given. */
export const userCreateSchema = z
  .strictObject({ username: nameSchema, password: z.string().min(8).max(128).optional() })
  .openapi('UserCreate')

export const userCreatedSchema = z
  .strictObject({ user: userSchema, password: z.string().nullable() })
  .openapi('UserCreated')

export const userAnswerSchema = z.strictObject({ user: userSchema })
