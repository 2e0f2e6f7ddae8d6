/** Where the catalog comes from, when it was read, and what is wrong with it; and the way to what it does not list. */
import { Alert, Button, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { AlertIcon, SyncIcon } from '@primer/octicons-react'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { type Catalog, refreshCatalog } from '../api/catalog.ts'
import { useChange } from '../api/client.ts'
import { useRole } from '../api/organizations.ts'
import { ApiError } from '../api/request.ts'
import { Time } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'

/** One line a source where all is well; more where it is not. */
export function Sources({
  catalogs,
  organization,
}: {
  readonly catalogs: readonly Catalog[]
  readonly organization: string
}) {
  return (
    <Stack gap={4}>
      {catalogs.map((catalog) => (
        <Source key={catalog.upstream} catalog={catalog} organization={organization} />
      ))}
    </Stack>
  )
}

function Source({ catalog, organization }: { readonly catalog: Catalog; readonly organization: string }) {
  const { text } = useSpeech()
  const { upstream, state, error } = catalog
  const refresh = useChange(() => refreshCatalog(organization, upstream))
  const role = useRole(organization)
  const isBusy = refresh.isPending || state?.refreshing === true
  const button =
    role === 'owner' || role === 'editor' ? (
      <Button
        size="compact-xs"
        variant="subtle"
        leftSection={<SyncIcon size={12} aria-hidden="true" />}
        loading={isBusy}
        onClick={() => refresh.mutate(undefined)}
        aria-label={text.catalog.refreshOne(upstream)}
      >
        {text.catalog.refresh}
      </Button>
    ) : null
  const problem =
    state?.problem?.message ?? state?.definitions?.problem ?? (error instanceof Error ? error.message : undefined)
  if (problem !== undefined) {
    return (
      <Alert color="orange" variant="light" icon={<AlertIcon />} title={text.catalog.trouble(upstream)} role="status">
        <Stack gap="xs" align="flex-start">
          <Text size="sm">{problem}</Text>
          {state?.problem && state.readAt !== null ? (
            <Text size="sm">
              {text.catalog.keptSince} <Time at={state.readAt} />
            </Text>
          ) : null}
          {error instanceof ApiError && error.code === 'UPSTREAM_UNSUPPORTED' ? (
            <Text size="sm">{text.catalog.unlisted}</Text>
          ) : null}
          {button}
        </Stack>
      </Alert>
    )
  }
  return (
    <Group gap="xs">
      <Text size="xs" c="dimmed">
        {upstream}:{' '}
        {state?.readAt == null ? (
          text.catalog.reading
        ) : (
          <>
            {text.catalog.readAt} <Time at={state.readAt} />
          </>
        )}
      </Text>
      {button}
    </Group>
  )
}

/** Whatever a catalog lists, any repository can be mirrored by its name. */
export function ByName({
  upstreams,
  organization,
}: {
  readonly upstreams: readonly string[]
  readonly organization: string
}) {
  const { text } = useSpeech()
  const navigate = useNavigate()
  const [chosen, setChosen] = useState<string>()
  const [name, setName] = useState('')
  const upstream = chosen ?? upstreams[0] ?? ''
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const _splat = name.trim().replace(/^\/+|\/+$/g, '')
    if (_splat !== '')
      void navigate({ to: '/o/$organization/catalog/$upstream/$', params: { organization, upstream, _splat } })
  }
  return (
    <Section title={text.catalog.byName} lead={text.catalog.byNameLead}>
      <form onSubmit={submit}>
        <Group align="flex-end">
          <Select
            label={text.catalog.upstream}
            data={[...upstreams]}
            value={upstream}
            onChange={(one) => setChosen(one ?? undefined)}
            allowDeselect={false}
            w={170}
          />
          <TextInput
            label={text.catalog.repository}
            placeholder="library/alpine"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            required
            flex={1}
            miw={200}
          />
          <Button type="submit" variant="default">
            {text.catalog.open}
          </Button>
        </Group>
      </form>
    </Section>
  )
}
