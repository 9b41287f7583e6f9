"""Tables of people and places for superusers."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import partners
from accounts.models import (
    Department,
    Institution,
    Licence,
    Partner,
    PatientAccount,
    Post,
    User,
)
from kernel.errors import Invalid

admin.site.unregister(Group)


class DepartmentInline(TabularInline):  # type: ignore[misc]  # unfold is untyped
    """Departments on the page of their institution."""

    model = Department
    extra = 0


class PostInline(TabularInline):  # type: ignore[misc]
    """Posts on the page of a member of staff."""

    model = Post
    extra = 0
    fields = ("institution", "department", "roles", "title", "active")


class LicenceInline(TabularInline):  # type: ignore[misc]
    """Licences on the page of a member of staff."""

    model = Licence
    extra = 0


@admin.register(Institution)
class InstitutionAdmin(ModelAdmin):  # type: ignore[misc]
    """Institutions with their departments."""

    list_display = ("name", "kind", "code", "active")
    list_filter = ("kind", "active")
    search_fields = ("name", "code")
    readonly_fields = ("public_id",)
    inlines = (DepartmentInline,)


@admin.register(User)
class StaffAdmin(UserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]
    """Staff with their posts and licences; a lost phone is removed under authenticators."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "name", "is_active", "last_login")
    list_filter = ("is_active", "is_superuser")
    search_fields = ("username", "name")
    readonly_fields = ("practitioner_id", "last_login", "date_joined")
    filter_horizontal = ()
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("username", "password", "name", "practitioner_id")}),
        (_("Access"), {"fields": ("is_active", "is_staff", "is_superuser")}),
        (_("Times"), {"fields": ("last_login", "date_joined")}),
    )
    inlines = (PostInline, LicenceInline)


@admin.register(PatientAccount)
class PatientAccountAdmin(ModelAdmin):  # type: ignore[misc]
    """Patients' accounts."""

    list_display = ("name", "institution", "active")
    list_filter = ("institution", "active")
    search_fields = ("name", "phone", "fhir_id")


class PartnerForm(forms.ModelForm):  # type: ignore[type-arg]
    """A partner system, checked like one that is registered by the command."""

    def clean(self) -> dict[str, Any]:
        """Name the field of what could never work."""
        found = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                partners.check(Partner(**found))
            except Invalid as error:
                for path, says in error.issues:
                    self.add_error(path.partition(".")[0], f"{path}: {says}")
        return found


@admin.register(Partner)
class PartnerAdmin(ModelAdmin):  # type: ignore[misc]
    """Partner systems with their keys and scopes."""

    form = PartnerForm
    list_display = ("name", "organization_id", "client_id", "active")
    search_fields = ("name", "client_id", "organization_id")
