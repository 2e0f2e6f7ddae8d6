/** Which tags nobody may move or delete, once they are there. */
import { Button, Group, Radio, Stack, Textarea } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { RepositoryDetail, ImmutableTags as Rules } from '../../api/repositories.ts'
import { useChange } from '../api/client.ts'
import { changeRepository } from '../api/repositories.ts'
import { Failure } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

const MODES = ['none', 'all', 'patterns'] as const

export function ImmutableTags({ repository }: { readonly repository: RepositoryDetail }) {
  const { text } = useSpeech()
  const tell = useTell()
  const now = repository.immutableTags
  const [mode, setMode] = useState<Rules['mode']>(now.mode)
  const [patterns, setPatterns] = useState(now.mode === 'patterns' ? now.patterns.join('\n') : '')
  const change = useChange(
    (immutableTags: Rules) => changeRepository(repository.name, { immutableTags }),
    () => tell(text.settings.changed),
  )
  const listed = patterns.split('\n').map((line) => line.trim())
  const wanted: Rules = mode === 'patterns' ? { mode, patterns: listed.filter(Boolean) } : { mode }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    change.mutate(wanted)
  }
  return (
    <Section title={text.immutable.title} lead={text.immutable.lead}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Radio.Group
            value={mode}
            onChange={(chosen) => setMode(chosen as typeof mode)}
            aria-label={text.immutable.title}
          >
            <Stack gap="xs">
              {MODES.map((one) => (
                <Radio key={one} value={one} label={text.immutable.modes[one]} />
              ))}
            </Stack>
          </Radio.Group>
          {mode === 'patterns' ? (
            <Textarea
              label={text.immutable.patterns}
              description={text.immutable.patternsHelp}
              value={patterns}
              onChange={(event) => setPatterns(event.currentTarget.value)}
              autosize
              minRows={2}
              maxRows={10}
              spellCheck={false}
              required
            />
          ) : null}
          {change.isError ? <Failure error={change.error} /> : null}
          {JSON.stringify(wanted) === JSON.stringify(now) ? null : (
            <Group>
              <Button type="submit" loading={change.isPending}>
                {text.common.save}
              </Button>
            </Group>
          )}
        </Stack>
      </form>
    </Section>
  )
}
