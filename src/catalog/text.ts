/** Texts that others have written, made into what is kept of them. */
import type { Compliance } from '../api/catalog.ts'
import { COMPLIANCE_ORDER } from './compliance.ts'

/** One line without control characters and without those that turn the direction of text, of at most `max` characters; null for what is no text, or none. */
export function lineOf(value: unknown, max: number): string | null {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return null
  // Far more than `max`, so that no text costs more than its own beginning.
  const line = String(value)
    .slice(0, max * 4)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069\s]+/gu, ' ')
    .trim()
  if (line === '') return null
  return cut(line, max)
}

export function cut(line: string, max: number): string {
  const characters = [...line]
  return characters.length <= max
    ? line
    : `${characters
        .slice(0, max - 1)
        .join('')
        .trimEnd()}…`
}

/** Lines out of a list of texts; what is none is left out. */
export function linesOf(value: unknown, o: { readonly max: number; readonly length: number }): string[] {
  const items = Array.isArray(value) ? value.slice(0, o.max * 2) : []
  return [...new Set(items.flatMap((item) => lineOf(item, o.length) ?? []))].slice(0, o.max)
}

/** `2029-10-31` out of a date or a time; null for anything else. */
export function dayOf(value: unknown): string | null {
  const day = typeof value === 'string' ? /^\d{4}-\d{2}-\d{2}(?=$|[T ])/.exec(value)?.[0] : undefined
  return day !== undefined && !Number.isNaN(Date.parse(day)) ? day : null
}

/** An address that a page may link to; null for any other. */
export function webAddressOf(value: unknown): string | null {
  const text = lineOf(value, 2048)
  const url = text === null ? null : URL.parse(text)
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:') ? url.href : null
}

/** Of words separated by commas: `fips,stig,cis`. */
export function complianceOf(value: unknown): Compliance[] {
  const words = typeof value === 'string' ? value.toLowerCase().split(/[,\s]+/) : []
  return COMPLIANCE_ORDER.filter((one) => words.includes(one))
}
