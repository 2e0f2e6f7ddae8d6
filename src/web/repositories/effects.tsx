/** What a change of a repository does to the mirror that feeds it, in the page's words. */
import { List } from '@mantine/core'
import type { Mirror } from '../../api/mirrors.ts'
import type { Text as Words } from '../text/en/index.ts'
import { useSpeech } from '../text/language.tsx'

export interface Effect {
  readonly cause: 'public' | 'archived'
  /** The cause holds afterwards. */
  readonly holds: boolean
}

/**
 * @param told what the server says that it does, in English: said as it is of a mirror that one may not see
 * @param mirror as it was before the change
 */
export function effectsOf(
  told: readonly string[],
  mirror: Mirror | undefined,
  o: Effect,
  text: Words,
): readonly string[] {
  if (told.length === 0 || mirror === undefined) return told
  const words = text.settings.effects
  if (o.holds) return [o.cause === 'public' ? words.public : words.archived]
  const others = mirror.pauses.filter(({ cause }) => cause !== o.cause).map(({ cause }) => text.mirrors.causes[cause])
  return [others.length === 0 ? words.resumes : words.stays(others.join(' / '))]
}

export function Effects(o: {
  readonly told: readonly string[] | undefined
  readonly mirror: Mirror | undefined
  readonly effect: Effect
}) {
  const { text } = useSpeech()
  const shown = effectsOf(o.told ?? [], o.mirror, o.effect, text)
  if (shown.length === 0) return null
  return (
    <List>
      {shown.map((one) => (
        <List.Item key={one}>{one}</List.Item>
      ))}
    </List>
  )
}
