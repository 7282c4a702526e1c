"""The insurer's tables were there before Django: as state only. ``web_note`` is Django's own."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The state of ``models.py``."""

    initial = True
    dependencies = []

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Staff",
                    fields=[
                        ("id", models.IntegerField(primary_key=True, serialize=False)),
                        ("name", models.CharField(max_length=60)),
                        ("post", models.CharField(max_length=20)),
                    ],
                    options={
                        "db_table": "staff",
                    },
                ),
                migrations.CreateModel(
                    name="Unit",
                    fields=[
                        ("id", models.IntegerField(primary_key=True, serialize=False)),
                        ("name", models.CharField(max_length=60)),
                        ("kind", models.CharField(max_length=12)),
                    ],
                    options={
                        "db_table": "unit",
                    },
                ),
                migrations.CreateModel(
                    name="Customer",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("customer_no", models.CharField(max_length=12, unique=True)),
                        ("name", models.CharField(max_length=60)),
                        ("sex", models.CharField(max_length=1)),
                        ("birth_date", models.DateField()),
                        ("id_no", models.CharField(max_length=18)),
                        ("phone", models.CharField(max_length=11)),
                        ("landline", models.CharField(blank=True, max_length=20, null=True)),
                        ("email", models.CharField(blank=True, max_length=120, null=True)),
                        ("address", models.CharField(max_length=200)),
                        ("postal_code", models.CharField(blank=True, max_length=6, null=True)),
                        ("occupation", models.CharField(blank=True, max_length=60, null=True)),
                        ("employer", models.CharField(blank=True, max_length=120, null=True)),
                        (
                            "annual_income",
                            models.DecimalField(
                                blank=True, decimal_places=2, max_digits=14, null=True
                            ),
                        ),
                        ("health_note", models.CharField(blank=True, max_length=200, null=True)),
                        ("card_grade", models.CharField(default="standard", max_length=10)),
                        ("status", models.CharField(default="active", max_length=10)),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        (
                            "owner",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                to="insurer.staff",
                            ),
                        ),
                        (
                            "unit",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, to="insurer.unit"
                            ),
                        ),
                    ],
                    options={
                        "db_table": "customer",
                    },
                ),
                migrations.AddField(
                    model_name="staff",
                    name="unit",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="insurer.unit"
                    ),
                ),
                migrations.CreateModel(
                    name="Policy",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("policy_no", models.CharField(max_length=22, unique=True)),
                        ("product_code", models.CharField(max_length=8)),
                        ("insured_name", models.CharField(max_length=60)),
                        ("insured_id_no", models.CharField(max_length=18)),
                        ("insured_phone", models.CharField(max_length=11, null=True)),
                        ("relation", models.CharField(max_length=10)),
                        ("sum_insured", models.DecimalField(decimal_places=2, max_digits=14)),
                        ("premium", models.DecimalField(decimal_places=2, max_digits=12)),
                        ("starts_on", models.DateField()),
                        ("ends_on", models.DateField()),
                        ("status", models.CharField(default="in_force", max_length=10)),
                        (
                            "holder",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="policies",
                                to="insurer.customer",
                            ),
                        ),
                        (
                            "insured",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="insurances",
                                to="insurer.customer",
                            ),
                        ),
                        (
                            "unit",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, to="insurer.unit"
                            ),
                        ),
                    ],
                    options={
                        "db_table": "policy",
                    },
                ),
            ]
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("text", models.CharField(max_length=200)),
                ("at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "db_table": "web_note",
            },
        ),
    ]
