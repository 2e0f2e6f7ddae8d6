import { inspect } from 'node:util'

/** Text that must not reach a log, an answer or an error: however it is printed, it reads `[secret]`. */
export interface Secret {
  /** The text itself; the one way to get at it. */
  reveal(): string
  toString(): string
  toJSON(): string
}

const HIDDEN = '[secret]'

export function createSecret(text: string): Secret {
  const hide = () => HIDDEN
  return Object.freeze({ reveal: () => text, toString: hide, toJSON: hide, [inspect.custom]: hide })
}
