/** The answer that tells of an error; apart from its schema, which not every process loads. */
import type { AppError } from '../errors.ts'
import type { ErrorBody } from './errors.ts'

export function errorBodyOf({
  code,
  message,
  detail = null,
  about,
}: Pick<AppError, 'code' | 'message'> & Partial<Pick<AppError, 'detail' | 'about'>>): ErrorBody {
  if (about === undefined) return { error: { code, message, detail } }
  const told = Object.fromEntries(Object.entries(about).filter(([, value]) => value !== undefined))
  return { error: { code, message, detail, about: told as NonNullable<ErrorBody['error']['about']> } }
}
