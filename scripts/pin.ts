import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { actionsIn, commitOnGitHub, pinActions } from './pins/actions.js';
import { pinConfiguration } from './pins/configuration.js';
import { digestOf } from './pins/registry.js';

/*
 * npm run pin -- vcdemo.yaml   writes the digests of images and charts into configuration files
 * npm run pin                  writes the commits of the actions' releases into the workflows
 * npm run pin -- --check       changes nothing; fails if an action is not at the commit of the release that it names
 */

const files = process.argv.slice(2).filter((word) => word !== '--check');
const isCheck = process.argv.includes('--check');
const workflows = readdirSync('.github/workflows').map((name) => `.github/workflows/${name}`);

for (const file of files) writeFileSync(file, await pinConfiguration(file, digestOf));
if (files.length === 0)
  for (const file of workflows) {
    const workflow = readFileSync(file, 'utf8');
    const pinned = await pinActions(workflow, commitOnGitHub);
    if (!isCheck) writeFileSync(file, pinned);
    else if (pinned !== workflow) {
      const wrong = actionsIn(workflow).filter(({ ref }) => !pinned.includes(`@${ref} `));
      for (const { repository, ref, version } of wrong)
        console.error(`${file}: ${repository}@${ref} is not ${version ?? 'the commit of a release'}`);
      process.exitCode = 1;
    }
  }
