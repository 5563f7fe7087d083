import { Idempotent, Caller, Scoped } from '@app/http';
import type { Caller as CallerValue } from '@app/kernel';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { ProjectsService } from '../../application/projects.service.js';
import {
  CreateProjectRequest,
  ListProjectsQuery,
  ProjectPage,
  ProjectResponse,
  toLabels,
  toResponse,
  toSpec,
} from './projects.dto.js';

@ApiTags('projects')
@ApiBearerAuth()
@Controller('v1/projects')
export class ProjectsController {
  constructor(private readonly projects: ProjectsService) {}

  @Post()
  @Scoped('projects:write')
  @Idempotent()
  @ApiOperation({ summary: 'Create a project' })
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

  @Delete(':id')
  @Scoped('projects:write')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a project with its files' })
  @ApiNoContentResponse()
  async delete(@Param('id') id: string, @Caller() caller: CallerValue): Promise<void> {
    await this.projects.delete(id, caller);
  }
}
