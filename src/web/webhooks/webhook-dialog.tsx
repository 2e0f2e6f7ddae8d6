/** Makes a webhook, or changes one: what everybody needs first, the rest folded away. */
import { Button, Checkbox, Collapse, MultiSelect, Select, Stack, Textarea, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { type FormEvent, useState } from 'react'
import type { Webhook } from '../../api/webhooks.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { type WebhookPlace, webhookPath } from '../api/webhooks.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { NewSecret } from './new-secret.tsx'

const EVENTS = [
  'tag.moved',
  'tag.restored',
  'tag.removed',
  'referrers.published',
  'referrers.removed',
  'mirror.paused',
  'mirror.resumed',
  'mirror.degraded',
  'mirror.recovered',
  'replication.synced',
  'replication.paused',
  'replication.resumed',
  'replication.degraded',
  'replication.recovered',
  'replication.drifted',
  'webhook.disabled',
] as const satisfies readonly Webhook['events'][number][]

/** As the API has them. */
const NEW = {
  events: ['tag.moved', 'tag.restored'],
  format: 'hub',
  initialSync: 'summary',
  after: null,
} as const

/** `name: value`, one a line. */
function headersOf(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return colon === -1 ? [line.trim(), ''] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]
    }),
  )
}

export function WebhookDialog(o: {
  readonly place: WebhookPlace
  /** Undefined: a new one. */
  readonly webhook?: Webhook
  readonly others: readonly Webhook[]
  readonly onClose: () => void
}) {
  const { text } = useSpeech()
  const { form } = text.webhooks
  const tell = useTell()
  const { webhook } = o
  const [format, setFormat] = useState<Webhook['format']>(webhook?.format ?? NEW.format)
  const [events, setEvents] = useState<string[]>([...(webhook?.events ?? NEW.events)])
  const [initialSync, setInitialSync] = useState<Webhook['initialSync']>(webhook?.initialSync ?? NEW.initialSync)
  const [after, setAfter] = useState<string | null>(webhook?.after ?? NEW.after)
  const [isMore, more] = useDisclosure()
  const isOfOrganization = !o.place.includes('/')
  const save = useChange(
    (body: Record<string, unknown>) =>
      webhook === undefined
        ? request<{ secret?: string }>('POST', webhookPath(o.place), { body })
        : request<{ secret?: string }>('PATCH', webhookPath(o.place, webhook.name), { body }),
    () => {
      if (webhook === undefined) return
      tell(text.settings.changed)
      o.onClose()
    },
  )
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    const field = (name: string) => String(data.get(name) ?? '').trim()
    const words = (name: string) => field(name).split(/\s+/).filter(Boolean)
    const repositories = words('repositories')
    const headers = String(data.get('headers') ?? '')
    save.mutate({
      ...(webhook === undefined ? { name: field('name') } : {}),
      url: field('url'),
      tags: words('tags'),
      ...{ format, events, initialSync, after },
      ...(isOfOrganization && repositories.length > 0 ? { repositories } : {}),
      // What is not typed again stays, as nobody can see it.
      ...(headers.trim() === '' ? {} : { headers: headersOf(headers) }),
      ...(data.get('noHeaders') === null ? {} : { headers: {} }),
      ...Object.fromEntries(['plainHttp', 'changedOnly', 'coalesce'].map((name) => [name, data.get(name) !== null])),
    })
  }
  const choices = <K extends string>(labels: Readonly<Record<K, string>>) =>
    (Object.entries(labels) as [K, string][]).map(([value, label]) => ({ value, label }))
  const leaders = o.others.map(({ name }) => name).filter((name) => name !== webhook?.name)
  const secret = webhook === undefined ? save.data?.secret : undefined
  return (
    <Dialog
      title={webhook === undefined ? text.webhooks.create : text.webhooks.changeTitle(webhook.name)}
      size="lg"
      onClose={o.onClose}
    >
      {secret !== undefined ? (
        <NewSecret secret={secret} onClose={o.onClose} />
      ) : (
        <form onSubmit={submit}>
          <Stack>
            {webhook === undefined ? (
              <TextInput name="name" label={text.webhooks.name} required data-autofocus />
            ) : null}
            <TextInput
              name="url"
              type="url"
              label={text.webhooks.url}
              description={text.webhooks.urlHelp}
              defaultValue={webhook?.url}
              maxLength={255}
              required
            />
            {isOfOrganization ? (
              <TextInput
                name="repositories"
                label={form.repositories}
                description={form.repositoriesHelp}
                defaultValue={webhook?.repositories.join(' ')}
              />
            ) : null}
            <TextInput
              name="tags"
              label={text.webhooks.tags}
              description={text.webhooks.tagsHelp}
              defaultValue={webhook?.tags.join(' ')}
            />
            <Select
              label={text.webhooks.format}
              data={choices(text.webhooks.formats)}
              value={format}
              onChange={(chosen) => setFormat((chosen ?? NEW.format) as typeof format)}
              allowDeselect={false}
            />
            <Checkbox name="plainHttp" label={text.webhooks.plainHttp} defaultChecked={webhook?.plainHttp === true} />
            <Button
              variant="subtle"
              size="compact-sm"
              onClick={more.toggle}
              aria-expanded={isMore}
              style={{ alignSelf: 'flex-start' }}
            >
              {isMore ? form.less : form.more}
            </Button>
            <Collapse expanded={isMore}>
              <Stack>
                <MultiSelect
                  label={form.events}
                  data={EVENTS.map((value) => ({ value, label: `${value} — ${form.eventHelp[value]}` }))}
                  value={events}
                  onChange={setEvents}
                />
                <Textarea
                  name="headers"
                  label={form.headers}
                  description={webhook === undefined ? form.headersHelp : form.headersKept(webhook.headers.join(', '))}
                  placeholder={form.headersExample}
                  autosize
                  minRows={2}
                  spellCheck={false}
                />
                {webhook !== undefined && webhook.headers.length > 0 ? (
                  <Checkbox name="noHeaders" label={form.noHeaders} />
                ) : null}
                <Select
                  label={form.initialSync}
                  data={choices(form.initialSyncs)}
                  value={initialSync}
                  onChange={(chosen) => setInitialSync(chosen as typeof initialSync)}
                  allowDeselect={false}
                />
                <Select
                  label={form.after}
                  description={form.afterHelp}
                  data={leaders}
                  value={after}
                  onChange={setAfter}
                  disabled={leaders.length === 0}
                  clearable
                />
                <Checkbox name="changedOnly" label={form.changedOnly} defaultChecked={webhook?.changedOnly === true} />
                <Checkbox
                  name="coalesce"
                  label={form.coalesce}
                  description={form.coalesceHelp}
                  defaultChecked={webhook?.coalesce === true}
                />
              </Stack>
            </Collapse>
            {save.isError ? <Failure error={save.error} /> : null}
            <DialogButtons
              action={webhook === undefined ? text.webhooks.create : text.common.save}
              isPending={save.isPending}
              onCancel={o.onClose}
            />
          </Stack>
        </form>
      )}
    </Dialog>
  )
}
