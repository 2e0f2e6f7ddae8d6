/** What a registry says is left, window by window. */
import { Alert, Progress, Stack, Text } from '@mantine/core'
import { PauseIcon } from '@primer/octicons-react'
import type { Budget } from '../../api/rates.ts'
import { number } from '../format/sizes.ts'
import { Time } from '../shell/parts.tsx'
import { Original } from '../shell/said.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'

/** From here on somebody should look. */
const NEARLY_SPENT = 0.1

export function UpstreamBudget({ budget }: { readonly budget: Budget }) {
  const { text, language } = useSpeech()
  return (
    <Section title={text.upstreams.budget} lead={text.upstreams.budgetLead}>
      <Pauses pauses={budget.pauses} />
      {budget.allowances.length === 0 ? <Text size="sm">{text.upstreams.noAllowance}</Text> : null}
      {budget.allowances.map((one) => (
        <Allowance key={`${one.kind} ${one.windowSeconds}`} allowance={one} />
      ))}
      <Text size="sm" c="dimmed">
        {text.upstreams.requests({
          all: number(budget.requests, language),
          now: number(budget.inFlight, language),
          most: number(budget.mostInFlight, language),
        })}
        {budget.windows.length === 0
          ? null
          : ` · ${budget.windows.map(({ kind, requests }) => `${kind} ${number(requests, language)}`).join(', ')}`}
      </Text>
    </Section>
  )
}

export function Pauses({ pauses }: { readonly pauses: Budget['pauses'] }) {
  const { text, said } = useSpeech()
  return pauses.map(({ kind, until, reason }) => (
    <Alert
      key={kind}
      color="orange"
      variant="light"
      title={text.upstreams.pause(said?.kinds[kind] ?? kind)}
      icon={<PauseIcon />}
    >
      {said?.upstreamPause ?? reason} · {text.upstreams.until} <Time at={until} />
      {said === undefined ? null : <Original>{reason}</Original>}
    </Alert>
  ))
}

export function Allowance({ allowance }: { readonly allowance: Budget['allowances'][number] }) {
  const { text, said, language } = useSpeech()
  const { limit, remaining, until } = allowance
  const kind = said?.kinds[allowance.kind] ?? allowance.kind
  const share = limit === null || limit === 0 ? undefined : remaining / limit
  const line =
    limit === null
      ? text.upstreams.leftAlone({ kind, remaining: number(remaining, language) })
      : text.upstreams.left({ kind, remaining: number(remaining, language), limit: number(limit, language) })
  return (
    <Stack gap={4} maw={420}>
      {share === undefined ? null : (
        <Progress value={share * 100} color={share < NEARLY_SPENT ? 'orange' : 'teal'} aria-label={line} />
      )}
      <Text size="sm">
        {line}
        {until === null ? null : (
          <Text span c="dimmed" size="sm">
            {' · '}
            {text.upstreams.until} <Time at={until} />
          </Text>
        )}
      </Text>
    </Stack>
  )
}
