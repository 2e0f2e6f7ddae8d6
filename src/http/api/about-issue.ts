/** What a schema does not take, in the parts that an error tells beside its sentence. */

import type { z } from '../../api/schema.ts'
import type { ErrorAbout, ErrorReason } from '../../errors.ts'

type Issue = z.core.$ZodIssue

/** Values that are listed to somebody; more of them help nobody. */
const MAX_ALLOWED = 30

/** @param where the place in the request, for people */
export function aboutIssue(issue: Issue, where: string): ErrorAbout {
  switch (issue.code) {
    case 'too_small':
      return { reason: smallOf(issue), where, least: Number(issue.minimum) }
    case 'too_big':
      return { reason: lengthOf(issue.origin, 'too-long', 'too-big'), where, most: Number(issue.maximum) }
    case 'invalid_value':
      return { reason: 'invalid', where, allowed: issue.values.slice(0, MAX_ALLOWED).map(String) }
    case 'unrecognized_keys':
      return { reason: 'unknown-field', where: issue.keys.slice(0, MAX_ALLOWED).join(', ') }
    default:
      return { reason: 'invalid', where }
  }
}

function smallOf({ origin, minimum }: z.core.$ZodIssueTooSmall): ErrorReason {
  return Number(minimum) === 1 && origin !== 'number' && origin !== 'int'
    ? 'empty'
    : lengthOf(origin, 'too-short', 'too-small')
}

/** Texts are short or long, everything else is small or big. */
function lengthOf(origin: string, ofText: ErrorReason, ofOthers: ErrorReason): ErrorReason {
  return origin === 'string' ? ofText : ofOthers
}
