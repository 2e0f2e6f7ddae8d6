/** What a subscription takes, as it is written down, and what would come of it. */
import { Alert, Button, Checkbox, Group, List, Text, Textarea } from '@mantine/core'
import type { SubscriptionPlan } from '../../api/subscriptions.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { number } from '../format/sizes.ts'
import { Failure } from '../shell/parts.tsx'
import { Original } from '../shell/said.tsx'
import { useSpeech } from '../text/language.tsx'

/** As it is typed: globs apart by spaces and line ends. */
export interface Takes {
  readonly match: string
  readonly except: string
  readonly adopt: boolean
}

const words = (text: string) => text.split(/\s+/).filter(Boolean)

/** As the API has it. */
export function globsOf({ match, except, adopt }: Takes) {
  return { match: words(match), except: words(except), adopt }
}

export function TakesFields({ value, onChange }: { readonly value: Takes; readonly onChange: (value: Takes) => void }) {
  const { text } = useSpeech()
  const { match, except, adopt } = value
  const change = (one: Partial<Takes>) => onChange({ ...value, ...one })
  return (
    <>
      <Textarea
        label={text.subscriptions.match}
        description={text.subscriptions.matchHelp}
        value={match}
        onChange={(event) => change({ match: event.currentTarget.value })}
        autosize
        minRows={1}
        maxRows={6}
        spellCheck={false}
      />
      <Textarea
        label={text.subscriptions.leaveOut}
        description={text.subscriptions.leaveOutHelp}
        value={except}
        onChange={(event) => change({ except: event.currentTarget.value })}
        autosize
        minRows={1}
        maxRows={6}
        spellCheck={false}
      />
      <Checkbox
        label={text.subscriptions.adopt}
        checked={adopt}
        onChange={(event) => change({ adopt: event.currentTarget.checked })}
      />
    </>
  )
}

/** @param o.body of the subscription that it would be; another one than was looked at shows nothing */
export function Preview(o: {
  readonly body: { readonly organization: string; readonly upstream: string | null } & ReturnType<typeof globsOf>
  readonly isDisabled: boolean
}) {
  const { text } = useSpeech()
  const preview = useChange(async () => ({
    of: JSON.stringify(o.body),
    ...(await request<{ plan: SubscriptionPlan }>('POST', '/subscriptions', { body: { ...o.body, dryRun: true } })),
  }))
  return (
    <>
      <Group>
        <Button
          variant="default"
          loading={preview.isPending}
          disabled={o.isDisabled}
          onClick={() => preview.mutate(undefined)}
        >
          {text.subscriptions.preview}
        </Button>
      </Group>
      {preview.isError ? <Failure error={preview.error} /> : null}
      {preview.data?.of === JSON.stringify(o.body) ? <Plan plan={preview.data.plan} /> : null}
    </>
  )
}

const SHOWN_ENTRIES = 12

function Plan({ plan }: { readonly plan: SubscriptionPlan }) {
  const { text, said, language } = useSpeech()
  const line = text.subscriptions.previewLine({
    matched: number(plan.matched, language),
    listed: number(plan.listed, language),
  })
  const more = plan.matched - Math.min(SHOWN_ENTRIES, plan.entries.length)
  return (
    <Alert color="gray" variant="light" title={line} aria-live="polite">
      <List size="sm">
        {plan.entries.slice(0, SHOWN_ENTRIES).map(({ repository, mirror, action, reason }) => (
          <List.Item key={repository}>
            {repository}{' '}
            <Text span c="dimmed" size="sm">
              {[text.subscriptions.actions[action], mirror, said === undefined ? reason : null]
                .filter(Boolean)
                .join(' · ')}
            </Text>
            {said === undefined || reason === null ? null : <Original>{reason}</Original>}
          </List.Item>
        ))}
      </List>
      {more > 0 ? <Text size="sm">{text.subscriptions.andMore(number(more, language))}</Text> : null}
    </Alert>
  )
}
