import { newId } from './ids.ts'

const ids = new WeakMap<Request, string>()

/** The id by which answer, log and audit log name the request; made when it is first asked for. */
export function requestIdOf(request: Request): string {
  const known = ids.get(request)
  if (known !== undefined) return known
  const made = newId()
  ids.set(request, made)
  return made
}
