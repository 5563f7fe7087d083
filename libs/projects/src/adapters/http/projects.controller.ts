import { Idempotent, Caller, Scoped } from '@app/http';
import type { Caller as CallerValue } from '@app/kernel';
import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiBody,
  ApiConsumes,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { Response } from 'express';
import { ProjectsService } from '../../application/projects.service.js';
import {
  CreateProjectRequest,
  DeleteProjectQuery,
  ListProjectsQuery,
  ProjectPage,
  ProjectResponse,
  UpdateProjectRequest,
  toChange,
  toLabels,
  toResponse,
  toSpec,
} from './projects.dto.js';

const CREATE = {
  smallest: { summary: 'A directory, or a pod with the default settings', value: { id: 'hello' } },
  variables: {
    summary: 'With a name, labels, and environment variables for every command',
    value: { id: 'hello-2', name: 'Hello', labels: { team: 'a' }, env: { GREETING: 'hello' } },
  },
};
const CHANGE = { name: { summary: 'Another name and other labels', value: { name: 'Hello', labels: { team: 'b' } } } };

@ApiTags('projects')
@ApiBearerAuth()
@Controller('v1/projects')
export class ProjectsController {
  constructor(private readonly projects: ProjectsService) {}

  @Post()
  @Scoped('projects:write')
  @Idempotent()
  @ApiOperation({ summary: 'Create a project' })
  @ApiBody({ type: CreateProjectRequest, examples: CREATE })
  @ApiCreatedResponse({ type: ProjectResponse })
  async create(@Body() request: CreateProjectRequest, @Caller() caller: CallerValue): Promise<ProjectResponse> {
    return toResponse(await this.projects.create(toSpec(request), caller));
  }

  @Get()
  @Scoped('projects:read')
  @ApiOperation({ summary: 'List projects, newest first' })
  @ApiOkResponse({ type: ProjectPage })
  async list(@Query() query: ListProjectsQuery, @Caller() caller: CallerValue): Promise<ProjectPage> {
    const page = await this.projects.list({ status: query.status, labels: toLabels(query.label) }, query, caller);
    return { ...page, data: page.data.map(toResponse) };
  }

  @Get(':id')
  @Scoped('projects:read')
  @ApiOperation({ summary: 'Show a project' })
  @ApiOkResponse({ type: ProjectResponse })
  async get(@Param('id') id: string, @Caller() caller: CallerValue): Promise<ProjectResponse> {
    return toResponse(await this.projects.get(id, caller));
  }

  @Patch(':id')
  @Scoped('projects:write')
  @ApiOperation({
    summary: 'Change a project',
    description:
      'A JSON merge patch: null restores the default. A change of image, pullSecretName, envFrom or resources restarts the project.',
  })
  @ApiConsumes('application/merge-patch+json', 'application/json')
  @ApiBody({ type: UpdateProjectRequest, examples: CHANGE })
  @ApiOkResponse({ type: ProjectResponse })
  async update(
    @Param('id') id: string,
    @Body() request: UpdateProjectRequest,
    @Caller() caller: CallerValue,
  ): Promise<ProjectResponse> {
    return toResponse(await this.projects.update(id, toChange(request, id), caller));
  }

  @Post(':id/start')
  @Scoped('projects:write')
  @Idempotent()
  @HttpCode(202)
  @ApiOperation({ summary: 'Start a project; no effect if it is running' })
  @ApiAcceptedResponse({ type: ProjectResponse })
  async start(@Param('id') id: string, @Caller() caller: CallerValue): Promise<ProjectResponse> {
    return toResponse(await this.projects.start(id, caller));
  }

  @Post(':id/stop')
  @Scoped('projects:write')
  @Idempotent()
  @HttpCode(202)
  @ApiOperation({ summary: 'Stop a project: its commands are cancelled, its files are kept' })
  @ApiAcceptedResponse({ type: ProjectResponse })
  async stop(@Param('id') id: string, @Caller() caller: CallerValue): Promise<ProjectResponse> {
    return toResponse(await this.projects.stop(id, caller));
  }

  @Post(':id/restart')
  @Scoped('projects:write')
  @Idempotent()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Restart a project: its commands are cancelled, its files are kept, everything else is recreated',
  })
  @ApiAcceptedResponse({ type: ProjectResponse })
  async restart(@Param('id') id: string, @Caller() caller: CallerValue): Promise<ProjectResponse> {
    return toResponse(await this.projects.restart(id, caller));
  }

  @Delete(':id')
  @Scoped('projects:write')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a project with its files' })
  @ApiNoContentResponse({ description: 'Deleted' })
  @ApiAcceptedResponse({ type: ProjectResponse, description: 'Deletion takes longer and continues in the background' })
  async delete(
    @Param('id') id: string,
    @Query() { keepStorage }: DeleteProjectQuery,
    @Caller() caller: CallerValue,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ProjectResponse | undefined> {
    const left = await this.projects.delete(id, keepStorage, caller);
    if (left === null) return undefined;
    response.status(202);
    return toResponse(left);
  }
}
