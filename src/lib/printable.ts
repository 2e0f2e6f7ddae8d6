/** Text that came from elsewhere, made harmless for a terminal: what moves cursors, hides, reorders or links is spelled out. */

/** Control characters (C0, C1, DEL), format characters (bidi controls among them), separators of lines, lone surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** Each unprintable character as `\u001b`; line ends stay. A JSON document stays the same document. */
export function printableText(text: string): string {
  return text.replace(UNPRINTABLE, (found) => (found === '\n' ? found : spell(found)))
}

/** The same for what is one line or a part of one: a cell, a name, a message. Line ends and tabs are spelled out too. */
export function printableLine(text: string): string {
  return text.replace(UNPRINTABLE, spell)
}

function spell(found: string): string {
  return found
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}
