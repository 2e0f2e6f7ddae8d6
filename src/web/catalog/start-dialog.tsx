/** Starts a mirror: where to, what of it, how often; with what it will copy before it is started. */
import { Alert, Group, Select, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import type { Mirror } from '../../api/mirrors.ts'
import type { Plan } from '../../api/plans.ts'
import { useChange } from '../api/client.ts'
import { useOrganizations } from '../api/organizations.ts'
import { request } from '../api/request.ts'
import { useUpstreams } from '../api/upstreams.ts'
import { bytes, number } from '../format/sizes.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'

interface Wanted {
  readonly organization: string
  readonly upstream: string
  readonly repository: string
  readonly as: string
  readonly settings: { readonly schedule: { readonly every: string }; readonly selection?: { readonly tags: string[] } }
}

const PLAN_DELAY_MS = 600

export function StartDialog(o: {
  readonly upstream: string
  readonly repository: string
  readonly organization: string
  /** Where it is mirrored to already. */
  readonly mirrors: readonly string[]
  readonly onClose: () => void
}) {
  const { text } = useSpeech()
  const navigate = useNavigate()
  const organizations = useOrganizations()
  const upstreams = useUpstreams(o.organization)
  const prefix = upstreams.data?.find(({ name }) => name === o.upstream)?.prefix ?? ''
  const [organization, setOrganization] = useState(o.organization)
  const [typedName, setName] = useState<string>()
  const [tags, setTags] = useState('')
  const [every, setEvery] = useState<keyof typeof text.start.intervals>('15m')
  const name = typedName ?? freeName(`${prefix}${o.repository.replaceAll('/', '-')}`, organization, o.mirrors)
  const globs = tags.split(/\s+/).filter(Boolean)
  const wanted: Wanted = {
    organization,
    upstream: o.upstream,
    repository: o.repository,
    as: name,
    settings: { schedule: { every }, ...(globs.length === 0 ? {} : { selection: { tags: globs } }) },
  }
  const start = useChange(() => request<{ mirror: Mirror }>('POST', '/mirrors', { body: wanted }))
  const submit = (event: FormEvent) => {
    event.preventDefault()
    start.mutate(undefined, {
      onSuccess: () =>
        void navigate({
          to: '/o/$organization/repository/$',
          params: { organization, _splat: name },
          search: { tab: 'mirror' },
        }),
    })
  }
  return (
    <Dialog title={text.start.title(`${o.upstream}/${o.repository}`)} size="lg" onClose={o.onClose}>
      <form onSubmit={submit}>
        <Stack>
          <Group grow align="flex-start">
            <Select
              label={text.start.organization}
              data={(organizations.data ?? []).map((one) => one.name)}
              value={organization}
              onChange={(chosen) => chosen !== null && setOrganization(chosen)}
              allowDeselect={false}
            />
            <TextInput
              label={text.start.name}
              description={text.start.nameHelp}
              inputWrapperOrder={['label', 'input', 'description', 'error']}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              required
              data-autofocus
            />
          </Group>
          <Textarea
            label={text.start.tags}
            description={text.start.tagsHelp}
            value={tags}
            onChange={(event) => setTags(event.currentTarget.value)}
            autosize
            minRows={1}
            maxRows={6}
          />
          <Select
            label={text.start.every}
            data={Object.entries(text.start.intervals).map(([value, label]) => ({ value, label }))}
            value={every}
            onChange={(chosen) => setEvery((chosen ?? '15m') as typeof every)}
            allowDeselect={false}
          />
          <PlanSummary wanted={wanted} />
          {start.isError ? <Failure error={start.error} /> : null}
          <DialogButtons action={text.start.submit} isPending={start.isPending} onCancel={o.onClose} />
        </Stack>
      </form>
    </Dialog>
  )
}

/** Another name where this one is a mirror of the same source already: `dhi-node-2`. */
function freeName(name: string, organization: string, mirrors: readonly string[]): string {
  const isFree = (one: string) => !mirrors.includes(`${organization}/${one}`)
  if (isFree(name)) return name
  let number = 2
  while (!isFree(`${name}-${number}`)) number++
  return `${name}-${number}`
}

/** What the run would do, asked of the server once nobody types any more. */
function PlanSummary({ wanted }: { readonly wanted: Wanted }) {
  const { text, language } = useSpeech()
  const [settled] = useDebouncedValue(JSON.stringify(wanted), PLAN_DELAY_MS)
  const plan = useQuery({
    queryKey: ['plan', settled],
    retry: false,
    staleTime: 60_000,
    queryFn: async ({ signal }) => {
      const body = { ...(JSON.parse(settled) as Wanted), dryRun: true }
      return (await request<{ plan: Plan }>('POST', '/mirrors', { body, signal })).plan
    },
  })
  if (plan.isError) return <Failure error={plan.error} />
  const sum = (of: (image: Plan['images'][number]) => number) =>
    plan.data?.images.reduce((all, image) => all + of(image), 0) ?? 0
  return (
    <Alert color="gray" variant="light" title={text.start.plan} aria-live="polite">
      <Text size="sm">
        {plan.data === undefined
          ? text.start.planning
          : text.start.planLine({
              tags: number(
                sum((image) => image.tags.length),
                language,
              ),
              manifests: number(
                sum((image) => image.manifests),
                language,
              ),
              attestations: number(
                sum((image) => image.attestations),
                language,
              ),
              size: bytes(
                sum((image) => image.sizeBytes),
                language,
              ),
            })}
      </Text>
    </Alert>
  )
}
