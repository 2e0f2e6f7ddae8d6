export const progress = {
  title: 'Arriving',
  waiting: (ahead: number | null) =>
    ahead === null || ahead === 0 ? 'Waits for a place: it is next' : `Waits for a place: ${ahead} before it`,
  phases: { listing: 'Upstream is being listed', copying: 'Copying', publishing: 'Publishing', ended: 'Done' },
  tags: 'Tags',
  manifests: 'Manifests',
  bytes: 'Copied',
  rate: 'Rate',
  left: 'Time left',
  outcome: {
    done: 'Every tag is here.',
    partial: 'Some tags could not be brought; they are named below, and tried again.',
    failed: 'The run failed; what was here before is served on.',
    stopped: 'The run was stopped.',
  },
}
