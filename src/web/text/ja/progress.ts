import type { Text } from '../en/index.ts'

export const progress: Text['progress'] = {
  title: '到着中',
  waiting: (ahead) => (ahead === null || ahead === 0 ? '順番待ち: 次に始まります' : `順番待ち: 前に ${ahead} 件`),
  phases: { listing: 'アップストリームを一覧中', copying: 'コピー中', publishing: '公開中', ended: '完了' },
  tags: 'タグ',
  manifests: 'マニフェスト',
  bytes: 'コピー済み',
  rate: '速度',
  left: '残り時間',
  outcome: {
    done: 'すべてのタグが揃いました。',
    partial: '一部のタグを取得できませんでした。下に示し、再試行します。',
    failed: '実行に失敗しました。以前の内容は引き続き提供されます。',
    stopped: '実行は停止されました。',
  },
}
