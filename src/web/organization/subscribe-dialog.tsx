/** Subscribes to an upstream, with what that takes before it is done. */
import { Alert, Button, Checkbox, Group, List, Select, Stack, Text, Textarea } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Subscription, SubscriptionPlan } from '../../api/subscriptions.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { useUpstreams } from '../api/upstreams.ts'
import { number } from '../format/sizes.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { Original } from '../shell/said.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

const words = (text: string) => text.split(/\s+/).filter(Boolean)

export function SubscribeDialog(o: {
  readonly organization: string
  readonly onClose: () => void
  readonly onDone: (id: string) => void
}) {
  const { text } = useSpeech()
  const tell = useTell()
  const upstreams = useUpstreams(o.organization)
  const [chosen, setUpstream] = useState<string | null>(null)
  const [match, setMatch] = useState('')
  const [except, setExcept] = useState('')
  const [adopt, setAdopt] = useState(false)
  const upstream = chosen ?? upstreams.data?.[0]?.name ?? null
  const body = { organization: o.organization, upstream, match: words(match), except: words(except), adopt }
  const preview = useChange(async () => ({
    of: JSON.stringify(body),
    ...(await request<{ plan: SubscriptionPlan }>('POST', '/subscriptions', { body: { ...body, dryRun: true } })),
  }))
  const begin = useChange(
    () => request<{ subscription: Subscription }>('POST', '/subscriptions', { body }),
    ({ subscription }) => {
      tell(text.subscriptions.begun)
      o.onClose()
      o.onDone(subscription.id)
    },
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    begin.mutate(undefined)
  }
  return (
    <Dialog title={text.subscriptions.create} size="lg" onClose={o.onClose}>
      <form onSubmit={submit}>
        <Stack>
          <Select
            label={text.subscriptions.upstream}
            data={(upstreams.data ?? []).map(({ name }) => name)}
            value={upstream}
            onChange={setUpstream}
            allowDeselect={false}
            required
          />
          <Textarea
            label={text.subscriptions.match}
            description={text.subscriptions.matchHelp}
            value={match}
            onChange={(event) => setMatch(event.currentTarget.value)}
            autosize
            minRows={1}
            maxRows={6}
            spellCheck={false}
          />
          <Textarea
            label={text.subscriptions.leaveOut}
            description={text.subscriptions.leaveOutHelp}
            value={except}
            onChange={(event) => setExcept(event.currentTarget.value)}
            autosize
            minRows={1}
            maxRows={6}
            spellCheck={false}
          />
          <Checkbox
            label={text.subscriptions.adopt}
            checked={adopt}
            onChange={(event) => setAdopt(event.currentTarget.checked)}
          />
          <Group>
            <Button
              variant="default"
              loading={preview.isPending}
              disabled={upstream === null}
              onClick={() => preview.mutate(undefined)}
            >
              {text.subscriptions.preview}
            </Button>
          </Group>
          {preview.isError ? <Failure error={preview.error} /> : null}
          {preview.data?.of === JSON.stringify(body) ? <Plan plan={preview.data.plan} /> : null}
          {begin.isError ? <Failure error={begin.error} /> : null}
          <DialogButtons
            action={text.subscriptions.begin}
            isPending={begin.isPending}
            isDisabled={upstream === null}
            onCancel={o.onClose}
          />
        </Stack>
      </form>
    </Dialog>
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
